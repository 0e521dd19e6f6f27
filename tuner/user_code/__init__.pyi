from .code_loader import check_content, line_of, load
from .helper_modules import Helper, find_helpers, helper_hashes, missing_helper
from .permission import check_named
from .references import Reference, Signature, files, find, is_name, project_of, sha256, signature, source_text

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
