"""How far a model may be believed: calibrated to some trials, judged on others, with a record of both."""
