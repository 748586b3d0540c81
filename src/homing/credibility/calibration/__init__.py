"""Calibration: what is fitted to which trials, from designs of simulated cohorts."""
