"""Hazards that belong to what a cell does, and rare events."""
