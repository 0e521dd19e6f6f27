"""Sphinx configuration of the documentation: `sphinx-build -W -n docs docs/_build`."""

from __future__ import annotations

import tuner

project = "keras-studies"
author = "the keras-studies authors"
version = release = tuner.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = True

html_theme = "furo"
html_title = "keras-studies"
html_static_path: list[str] = []
