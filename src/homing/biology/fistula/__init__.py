"""The fistula tract: sepsis and closure."""
