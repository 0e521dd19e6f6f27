"""The one door to the files of `models/` and `studies/`, and to a project's own functions.

Content is named by reference, `models/mlp.py:build`: a path relative to the project and a function in it.  It is
looked for in the project first and then in what the package carries.  Code is loaded from these two places
only: a reference that leaves the project is refused, wherever it comes from.
"""

from tuner.content.helpers import Helper, find_helpers, helper_hashes, missing_helper
from tuner.content.loading import check_content, line_of, load
from tuner.content.naming import check_named
from tuner.content.references import (
    Reference,
    Signature,
    files,
    find,
    is_name,
    project_of,
    sha256,
    signature,
    source_text,
)

__all__ = [
    "Helper",
    "Reference",
    "Signature",
    "check_content",
    "check_named",
    "files",
    "find",
    "find_helpers",
    "helper_hashes",
    "is_name",
    "line_of",
    "load",
    "missing_helper",
    "project_of",
    "sha256",
    "signature",
    "source_text",
]
