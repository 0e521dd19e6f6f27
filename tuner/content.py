"""The one door to the files of `models/` and `studies/`, and to a project's own functions.

Content is named by reference, `models/mlp.py:build`: a path relative to the project and a function in it.  It is
looked for in the project first and then in what the package carries.  Code is loaded from these two places
only: a reference that leaves the project is refused, wherever it comes from.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.util
import inspect
import keyword
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import CodeType
from typing import Any

import tuner
from tuner.errors import ContentError, nearest

_PACKAGE = Path(tuner.__file__).resolve().parent


@dataclass(frozen=True)
class Reference:
    """A function in a file: `path/to/file.py:function`.

    Attributes:
        path: Relative to the project, with forward slashes.
        function: Its name in the file.
    """

    path: str
    function: str

    @classmethod
    def parse(cls, text: str, function: str) -> Reference:
        """Read `text`; `function` is the name meant where none is given.

        Raises:
            ContentError: The path leaves the project or is no Python file.
        """
        path, _, name = text.partition(":")
        pure = PurePosixPath(path.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or ":" in name:
            raise ContentError(
                f"A reference must stay in the project, as in 'models/mlp.py:build', but got {text!r}. "
                "Move the file into the project."
            )
        if pure.suffix != ".py":
            raise ContentError(f"A reference must name a Python file, as in 'models/mlp.py:build', but got {text!r}.")
        if name and not is_name(name):
            raise ContentError(f"A reference must name a function, as in 'models/mlp.py:build', but got {text!r}.")
        return cls(str(pure), name or function)

    def __str__(self) -> str:
        return f"{self.path}:{self.function}"


@dataclass(frozen=True)
class Signature:
    """What a function takes by keyword, read from its source without running it.

    Attributes:
        keywords: Keyword-only arguments and their default as written; None where there is none.
        open: Whether it takes any keyword (`**kwargs`).
    """

    keywords: Mapping[str, str | None]
    open: bool

    def takes(self, name: str) -> bool:
        """Whether the function takes this keyword."""
        return self.open or name in self.keywords


def is_name(text: str) -> bool:
    """Return whether Python reads a text as one name, the same one."""
    return text.isidentifier() and not keyword.iskeyword(text) and unicodedata.normalize("NFKC", text) == text


def project_of(study_file: Path) -> Path:
    """The project of a study file: the folder that holds its `studies/`, else the file's own folder."""
    folder = study_file.resolve().parent
    return folder.parent if folder.name == "studies" else folder


def find(project: Path, path: str) -> Path:
    """The file `path` of the project, or the one the package carries.

    Raises:
        ContentError: There is no such file in either place.
    """
    for root in (project, *_carried()):
        candidate = (root / path).resolve()
        if candidate.is_file() and candidate.is_relative_to(root.resolve()):
            return candidate
    names = [f"{folder}/{file.name}" for folder in ("models", "studies") for file in files(project, folder)]
    near = nearest(path, names)
    hint = f" Did you mean {near!r}?" if near else ""
    raise ContentError(f"There is no file {path!r} in {project} nor in what the package carries.{hint}")


def files(project: Path, folder: str) -> list[Path]:
    """The content of `models` or `studies`: the project's files, then the carried ones it does not replace."""
    suffix = {"models": ".py", "studies": ".toml"}[folder]
    found: dict[str, Path] = {}
    for root in (project, *_carried()):
        for file in sorted((root / folder).glob(f"*{suffix}")):
            if not file.name.startswith("_"):
                found.setdefault(file.name, file)
    return list(found.values())


def sha256(path: Path) -> str:
    """Hash of a file's content, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def signature(project: Path, reference: Reference) -> Signature:
    """What the function takes by keyword; the file is parsed, not run.

    Raises:
        ContentError: No such file or function, or the file is not Python.
    """
    path = find(project, reference.path)
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError) as error:
        raise ContentError(f"{reference.path} is not Python that can be read: {error}.") from error
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if reference.function not in functions:
        raise _no_function(reference, functions)
    arguments = functions[reference.function].args
    keywords = {
        argument.arg: ast.unparse(default) if default is not None else None
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    }
    return Signature(keywords, arguments.kwarg is not None)


class _AsRead(importlib.machinery.SourceFileLoader):
    """Runs the content whose hash was taken.

    Python would run what it has cached of the file, and look only at size and time: a file of the same size, written
    within the same second, would be run as it was before.
    """

    def __init__(self, name: str, path: Path, content: bytes) -> None:
        super().__init__(name, str(path))
        self._content = content

    def get_code(self, fullname: str) -> CodeType:
        return self.source_to_code(self._content, self.path)


def load(project: Path, reference: Reference, expected_sha256: str | None = None) -> Callable[..., Any]:
    """Run the file and give the function.

    Args:
        project: Folder that the reference is relative to.
        reference: File and function.
        expected_sha256: Hash that the file must have; None to take it as it is.

    Raises:
        ContentError: No such file or function, another content than expected, or the file fails when it runs.
    """
    path = find(project, reference.path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if expected_sha256 is not None and digest != expected_sha256:
        raise ContentError(
            f"{reference.path} has changed since the study was started (sha256 {digest[:12]}, expected "
            f"{expected_sha256[:12]}). Put the file back, or start a study under another name."
        )
    name = f"_tuner_content_{digest[:16]}"
    module = sys.modules.get(name)
    if module is None:
        spec = importlib.util.spec_from_file_location(name, path, loader=_AsRead(name, path, content))
        if spec is None or spec.loader is None:
            raise ContentError(f"{reference.path} cannot be loaded as a Python file.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except (Exception, SystemExit) as error:
            del sys.modules[name]
            raise ContentError(
                f"{reference.path} fails when it is loaded{line_of(error, path)}: {type(error).__name__}: {error}"
            ) from error
    function = getattr(module, reference.function, None)
    if not callable(function):
        own = (value for value in vars(module).values() if inspect.isfunction(value) and value.__module__ == name)
        raise _no_function(reference, [value.__name__ for value in own])
    return function


def line_of(error: BaseException, path: Path) -> str:
    """Where in the file an exception came from: " (line 3)"; empty for one that did not pass through it."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f" (line {lines[-1]})" if lines else ""


def _no_function(reference: Reference, functions: Iterable[str]) -> ContentError:
    near = nearest(reference.function, functions := list(functions))
    hint = f" Did you mean {near!r}?" if near else ""
    known = ", ".join(functions) or "none"
    return ContentError(f"{reference.path} has no function {reference.function!r}.{hint} It has: {known}.")


def _carried() -> Iterator[Path]:
    """Where the package's own content lies: in the wheel, or beside the package in a checkout."""
    bundled = _PACKAGE / "bundled"
    yield bundled if bundled.is_dir() else _PACKAGE.parent
