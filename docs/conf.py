"""Sphinx settings. Built by `make docs` with warnings as errors."""

from importlib.metadata import version as _version

project = "Homing"
author = "The Homing developers"
release = _version("homing")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Homing"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nitpicky = False
# Every page is readable offline: no fonts, scripts or pictures from elsewhere.
mathjax_path = ""
html_theme_options = {"source_repository": "", "top_of_page_buttons": []}
