"""Marrow, neutrophils, the space for T cells, and infections when these are low."""
