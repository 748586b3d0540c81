"""Trials as designs: power, assurance, sample size."""
