"""The frames of a traceback that are the user's own: those of files of the project."""

from __future__ import annotations

import traceback
from pathlib import Path

from tuner.user_code.references import PACKAGE_FOLDER, bundled_folders

_MOST = 6
_FOREIGN = frozenset({"site-packages", "dist-packages"})


def user_frames(error: BaseException, project: Path) -> tuple[str, ...]:
    """Return the lines of the user's code that led to an error, the innermost last; empty if there are none.

    Each frame is two lines: file, line and function, then the code.  If the error itself passed through none, those of
    what caused it are returned.

    Args:
        error: A caught exception.
        project: Folder whose files are the user's; the models that the package brings count as well.
    """
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:
        lines: list[str] = []
        for frame in traceback.extract_tb(cause.__traceback__):
            name = _own_name(frame.filename, project)
            if name is not None:
                lines += [f"{name}, line {frame.lineno}, in {frame.name}", f"    {frame.line or '?'}"]
        if lines:
            return tuple(lines[-2 * _MOST :])
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return ()


def _own_name(filename: str, project: Path) -> str | None:
    """Return the path of a file of the user relative to its project, or None for any other file."""
    if filename.startswith("<"):  # no file, such as "<frozen importlib._bootstrap>"
        return None
    path = Path(filename).resolve()
    for folder in bundled_folders():
        if path.is_relative_to(folder.resolve() / "models"):
            return path.relative_to(folder.resolve()).as_posix()
    root = project.resolve()
    if not path.is_relative_to(root) or path.is_relative_to(PACKAGE_FOLDER):
        return None
    own = path.relative_to(root)
    return None if _FOREIGN.intersection(own.parts) else own.as_posix()
