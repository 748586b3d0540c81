"""What Homing's predictions are worth: calibrated to some trials, judged on others."""
