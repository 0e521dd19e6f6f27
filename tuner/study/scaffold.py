"""Start a project: a folder with a study that is ready to run, and a model to change."""

from __future__ import annotations

from pathlib import Path

from tuner.errors import ContentError
from tuner.study.search_scaffold import search_sections
from tuner.study.table_scaffold import table_study, table_study_name
from tuner.user_code import bundled_folders

_STUDY = """\
# Which loss, optimizer and learning rate suit my data?
# `tuner check studies/first.toml` says what this file means, `tuner run studies/first.toml` runs it.

name  = "first"
model = "models/mlp.py"        # its build(); change the file as you like, or write another one

[data]
source     = "digits"          # or your own: "data/train.csv", ".parquet", ".npz", an image folder, "mydata.py:load"
# target   = "price"           # column to predict, for a table
validation = 0.2
test       = 0.2               # never seen by the search
scale      = "standardize"

[objective]
metric = "accuracy"            # measured on the validation part; independent of the loss
"""

_IGNORED = "runs/\n__pycache__/\n"


def new_project(folder: Path, table: Path | None = None, target: str = "") -> tuple[list[Path], list[Path]]:
    """Create the files of a project; existing ones are never overwritten.

    Args:
        folder: The project.
        table: CSV or Parquet file that the study is written for, or None for a study of a built-in set.
        target: Column of the table to predict.

    Returns:
        The files that were created, and those that existed already.

    Raises:
        ContentError: The folder cannot be written, or holds a folder where a file belongs.
        DataError: The table cannot be read, or has no such target.
    """
    name = "first" if table is None else table_study_name(table)
    model, *_ = (root / "models" / "mlp.py" for root in bundled_folders())
    contents = {
        folder / "studies" / f"{name}.toml": (
            _STUDY + search_sections() if table is None else table_study(name, table, target, folder)
        ),
        folder / "models" / "mlp.py": model.read_text(encoding="utf-8"),
        folder / ".gitignore": _IGNORED,
    }
    try:
        for path in contents:
            if path.is_dir():
                raise ContentError(f"{path.name} of a project must be a file, but {path} is a folder. Rename it.")
        made = [path for path, text in contents.items() if _write_new_file(path, text)]
    except OSError as error:
        raise _unwritable(error.filename, error) from error
    return made, [path for path in contents if path not in made]


def _write_new_file(path: Path, text: str) -> bool:
    """Write a file unless there is one already; return whether it was written."""
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:  # it names no file if the disk is full
        path.unlink(missing_ok=True)
        raise _unwritable(path, error) from error
    return True


def _unwritable(path: Path | str, error: OSError) -> ContentError:
    return ContentError(f"{path} cannot be written: {error.strerror}. Choose another folder.")
