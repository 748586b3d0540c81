"""Costs, and what they buy."""
