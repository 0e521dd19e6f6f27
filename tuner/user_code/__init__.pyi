from .code_loader import check_content, check_outside_of_loading, failing_line, load, load_installed
from .definitions import Definition, read_definition
from .helper_modules import Helper, find_helpers, helper_hashes, missing_helper
from .installed_objects import find_installed
from .keras_file_hashes import keras_file_hashes
from .live_object_check import check_function, is_live
from .permission import check_named
from .references import (
    Reference,
    Signature,
    bundled_folders,
    find_file,
    find_project,
    is_name,
    is_reference,
    list_files,
    read_signature,
    sha256,
    source_text,
)
from .session_module import SessionModule
from .user_frames import user_frames

__all__ = [
    "Definition",
    "Helper",
    "Reference",
    "SessionModule",
    "Signature",
    "bundled_folders",
    "check_content",
    "check_function",
    "check_named",
    "check_outside_of_loading",
    "failing_line",
    "find_file",
    "find_helpers",
    "find_installed",
    "find_project",
    "helper_hashes",
    "is_live",
    "is_name",
    "is_reference",
    "keras_file_hashes",
    "list_files",
    "load",
    "load_installed",
    "missing_helper",
    "read_definition",
    "read_signature",
    "sha256",
    "source_text",
    "user_frames",
]
