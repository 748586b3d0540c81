"""Medicines that are not cells: kinetics and the pathway they block."""
