"""Configuration of the documentation.

    python -m sphinx -W docs docs/_build

A broken link, a reference to nothing and a page in no table of contents are errors.
"""

from __future__ import annotations

from docutils.nodes import Element, TextElement
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

import tuner

project = "keras-studies"
author = "the keras-studies authors"
version = release = tuner.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "sphinx_design"]
exclude_patterns = ["_build"]

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
napoleon_use_ivar = True
default_role = "code"  # single backticks in docstrings
copybutton_prompt_text = "$ "

nitpicky = True
nitpick_ignore_regex = [
    ("py:.*", r"(keras|numpy|np|optuna|pydantic|pandas|pathlib|Path|collections|typing|DataFrame|Figure)\b.*"),
    ("py:.*", r"tuner\.(storage|data)\b.*"),
]
"""Types of other packages, whose documentation is on the network, and types that a `StoredStudy` holds internally."""

html_theme = "furo"
html_title = "keras-studies"
html_static_path = ["site.css"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_show_copyright = False
html_show_sourcelink = False


def resolve_by_name(
    app: Sphinx, env: BuildEnvironment, reference: pending_xref, content: TextElement
) -> Element | None:
    """Find a class where its unit shows it: annotations name the module inside that defines it."""
    domain = env.domains.python_domain
    name = reference.get("reftarget", "").rpartition(".")[2]
    documented = [full for full in domain.objects if full.rpartition(".")[2] == name]
    if reference.get("refdomain") != "py" or len(documented) != 1:
        return None
    return domain.resolve_xref(env, reference["refdoc"], app.builder, "obj", documented[0], reference, content)


def setup(app: Sphinx) -> None:
    """Connect it."""
    app.connect("missing-reference", resolve_by_name)
