"""Sphinx settings. Built by `make docs` with warnings as errors."""

import sys
from importlib.metadata import version as _version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "Homing"
author = "The Homing developers"
release = _version("homing")
extensions = ["myst_parser", "sphinx.ext.autodoc", "reference_pages"]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Homing"
autodoc_member_order = "bysource"
autodoc_typehints = "description"
nitpicky = False
html_theme_options = {"source_repository": "", "top_of_page_buttons": []}
