"""Load a function: run exactly the content of its file, and of its imports from the project, that was hashed."""

from __future__ import annotations

import atexit
import gc
import hashlib
import importlib.abc
import importlib.machinery
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from tuner.errors import ContentError
from tuner.user_code.helper_modules import Helper, find_helpers
from tuner.user_code.keras_file_hashes import SUFFIX, keras_file_hashes, with_keras_files
from tuner.user_code.references import Reference, find_file, no_function


class _AsRead(importlib.machinery.SourceFileLoader):
    """Loader of the content that was hashed.

    Python would compare only size and time of the file with its bytecode cache, and run an old version of a file with
    the same size that was written within the same second.
    """

    def __init__(self, name: str, path: Path, content: bytes) -> None:
        super().__init__(name, str(path))
        self._content = content

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._content, self.path)


class _HelperFinder(importlib.abc.MetaPathFinder):
    """Import hook for the helpers of the files of one project, with the content read when they were loaded last."""

    def __init__(self) -> None:
        self._helpers: dict[str, tuple[Path, Helper]] = {}
        self._folders: dict[str, Path] = {}
        self._by_file: dict[str, dict[str, tuple[Path, Helper]]] = {}
        self._project: Path | None = None

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if fullname in self._helpers:
            file, helper = self._helpers[fullname]
            within = [str(file.parent)] if helper.package else None
            loader = _AsRead(fullname, file, helper.content)
            return importlib.util.spec_from_file_location(
                fullname, file, loader=loader, submodule_search_locations=within
            )
        if fullname in self._folders:
            spec = importlib.machinery.ModuleSpec(fullname, None, is_package=True)
            spec.submodule_search_locations = [str(self._folders[fullname])]
            return spec
        return None

    def replace(self, project: Path, path: str, helpers: Mapping[str, Helper]) -> None:
        """Find the helpers of a file from now on; if a known one has changed, all are imported again."""
        if project != self._project:
            self._project, self._by_file = project, {}
        self._by_file[path] = {name: (project / helper.path, helper) for name, helper in helpers.items()}
        new = {name: found for others in self._by_file.values() for name, found in others.items()}
        new |= self._by_file[path]
        if new == self._helpers:
            return
        added = new.keys() - self._helpers.keys() if new.items() >= self._helpers.items() else {*self._helpers, *new}
        for name in added:
            module = sys.modules.get(name)
            # Ours, or a file that Python found by its path before it was ours; not what else has the name.
            if name in self._helpers or getattr(module, "__file__", None) == str(new[name][0]):
                sys.modules.pop(name, None)
                parent, _, child = name.rpartition(".")
                vars(sys.modules.get(parent, ModuleType(""))).pop(child, None)
        folders = {".".join(name.split(".")[:n]) for name in new for n in range(1, name.count(".") + 1)}
        self._folders = {name: project.joinpath(*name.split(".")) for name in folders - new.keys()}
        self._helpers = new
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)


_FINDER = _HelperFinder()
_LOADING: list[str] = []
"""Files that are being run by `load`."""


def check_outside_of_loading(what: str) -> None:
    """Refuse what must not happen while a file is loaded, as it would happen in each worker.

    Raises:
        ContentError: A file is being loaded.
    """
    if _LOADING:
        raise ContentError(
            f"{_LOADING[-1]} is loaded for a study, but {what} itself: each worker would do so. Put the call below "
            'if __name__ == "__main__":, or into another file.'
        )


def load(
    project: Path,
    reference: Reference,
    expected_sha256: str | None = None,
    expected_helpers: Mapping[str, str] | None = None,
) -> Callable[..., Any]:
    """Run the file and return the function.

    Args:
        project: Folder that the reference is relative to.
        reference: File and function.
        expected_sha256: Expected hash of the file; None for any.
        expected_helpers: Path → expected hash of each file of the project that it imports, and of each `.keras` file
            that its keywords name; None for any.

    Returns:
        The function.  Keywords that name these `.keras` files reach it as full paths.

    Raises:
        ContentError: There is no such file or function, its content is unexpected, or it fails when it runs.
    """
    path = find_file(project, reference.path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    helpers = find_helpers(project, reference.path)
    hashes = {helper.path: helper.sha256 for helper in helpers.values()}
    bodies = keras_file_hashes(project, expected_helpers or ())
    check_content(
        {reference.path: digest, **({**hashes, **bodies} if expected_helpers is not None else {})},
        {reference.path: expected_sha256 or digest, **(expected_helpers or {})},
    )
    everything = hashlib.sha256(repr((digest, sorted(hashes.items()))).encode()).hexdigest() if hashes else digest
    name = f"_tuner_content_{everything[:16]}"
    _FINDER.replace(project.resolve(), reference.path, helpers)
    module = sys.modules.get(name)
    if module is None:
        spec = importlib.util.spec_from_file_location(name, path, loader=_AsRead(name, path, content))
        if spec is None or spec.loader is None:
            raise ContentError(f"{reference.path} cannot be loaded as a Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        atexit.unregister(gc.freeze)  # `tuner.cli` skips the last collection, which finishes objects of user code
        _LOADING.append(reference.path)
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise ContentError(
                f"{reference.path} fails when it is loaded{failing_line(error, path)}: {type(error).__name__}: {error}"
            ) from error
        finally:
            _LOADING.pop()
    function: Callable[..., Any] | None = getattr(module, reference.function, None)
    if not callable(function):
        own = (value for value in vars(module).values() if inspect.isfunction(value) and value.__module__ == name)
        raise no_function(reference, [value.__name__ for value in own])
    return with_keras_files(function, project, bodies) if bodies else function


def load_installed(reference: Reference) -> Callable[..., Any]:
    """Import the module of an installed package and return its function or class.

    Raises:
        ContentError: It is not there, or the import fails.
    """
    try:
        found = getattr(importlib.import_module(reference.path), reference.function, None)
    except (Exception, SystemExit) as error:
        raise ContentError(f"{reference.path} fails when it is imported: {type(error).__name__}: {error}") from error
    if not callable(found):
        raise ContentError(f"{reference.path} has no function or class {reference.function!r}.")
    return found  # type: ignore[no-any-return]


def check_content(now: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """Check that files are the same as when a study was started.

    Args:
        now: Path → hash of the model file, and of each file of the project that it imports.
        expected: The same when the study was started.

    Raises:
        ContentError: A file has changed, or is imported only now, or no longer.
    """
    for path, digest in now.items():
        restore = "Restore the file" if path.endswith((".py", SUFFIX)) else "Install the version that it had"
        again = f"{restore}, or start a study under another name."
        if path not in expected:
            raise ContentError(f"{path} is imported by the study's code, but was not when it was started. {again}")
        if digest != expected[path]:
            raise ContentError(
                f"{path} has changed since the study was started (sha256 {digest[:12]}, expected "
                f"{expected[path][:12]}). {again}"
            )
    for path in expected:
        if path not in now:
            raise ContentError(
                f"{path} was imported by the study's code when it was started, but is not now. Restore the file, or "
                "start a study under another name."
            )


def failing_line(error: BaseException, path: Path) -> str:
    """Return the line of the file that raised an exception, as in " (line 3)"; "" if no frame is in it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" (line {lines[-1]})" if lines else ""
