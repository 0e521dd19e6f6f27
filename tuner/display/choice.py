"""Choose how a call of the Python API shows its progress."""

from __future__ import annotations

import contextlib
import importlib
import warnings
from collections.abc import Callable, Iterator

from tuner.display.notebook import in_notebook, notebook_display
from tuner.runner import Progress


@contextlib.contextmanager
def progress_display(progress: bool | None, show: Callable[[Progress], None]) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows progress, and passes it on.

    Args:
        progress: Whether to show the progress: in place in a notebook, on standard error elsewhere; None for a notebook
            only.
        show: Called with each progress as well.
    """
    if in_notebook():
        _import_tqdm()
    with contextlib.ExitStack() as until_end:
        shown = [show]
        if progress is not False and in_notebook():
            shown.append(until_end.enter_context(notebook_display()))
        elif progress:
            from tuner.display.terminal import terminal_display  # few scripts need Rich

            shown.append(until_end.enter_context(terminal_display()))

        def show_all(progress: Progress) -> None:
            for one in shown:
                one(progress)

        yield show_all


def _import_tqdm() -> None:
    """Import tqdm before Optuna does: in a kernel without ipywidgets it warns, and its bars are not used here."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="IProgress not found")
        importlib.import_module("tqdm.auto")
