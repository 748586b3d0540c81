"""The epithelial barrier and what leaks through it."""
