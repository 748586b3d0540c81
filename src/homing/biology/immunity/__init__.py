"""Innate activation, T cells, B cells, tolerance, and the response against foreign cells."""
