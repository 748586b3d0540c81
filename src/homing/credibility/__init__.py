"""Credibility: what the model is fitted to, what it predicts, and the record of what it can be relied on for."""
