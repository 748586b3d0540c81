"""Calibration: simulated cohorts are emulated, trials are taken as samples of them, and a posterior is drawn."""
