"""Figures: each kind of figure of `answers/content.py` as an SVG that can stand in a page, or as a picture file."""

from homing.report.figures.draw import draw, draw_png

__all__ = ["draw", "draw_png"]
