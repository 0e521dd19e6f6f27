"""References to functions in files, and the lookup of these files."""

from __future__ import annotations

import ast
import functools
import hashlib
import io
import keyword
import re
import tokenize
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import tuner
from tuner.errors import ContentError, nearest

_INSTALLED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*", re.ASCII)
"""`package.module:Name`."""
PACKAGE_FOLDER = Path(tuner.__file__).resolve().parent


@dataclass(frozen=True)
class Reference:
    """A function in a file, `path/to/file.py:function`, or an object of an installed package, `package.module:Name`.

    Attributes:
        path: Relative to the project, with forward slashes; or the name of the module.
        function: Its name in the file or module.
    """

    path: str
    function: str

    @classmethod
    def parse(cls, text: str, function: str) -> Reference:
        """Parse a reference; `function` is the default name.

        Raises:
            ContentError: The path leaves the project or is not a Python file.
        """
        path, _, name = text.partition(":")
        pure = PurePosixPath(path.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or ":" in name:
            raise ContentError(
                f"A reference must stay in the project, as in 'models/mlp.py:build', but got {text!r}. "
                "Move the file into the project."
            )
        if not text.isprintable():
            raise ContentError(f"A reference must hold printable characters only, but got {text!r}. Rename the file.")
        if pure.suffix != ".py":
            raise ContentError(f"A reference must name a Python file, as in 'models/mlp.py:build', but got {text!r}.")
        if name and not is_name(name):
            raise ContentError(f"A reference must name a function, as in 'models/mlp.py:build', but got {text!r}.")
        return cls(str(pure), name or function)

    @classmethod
    def parse_object(cls, text: str) -> Reference:
        """Parse a reference to an object of a file, as `parse` does, or of an installed package.

        Raises:
            ContentError: It is neither.
        """
        if _INSTALLED.fullmatch(text) and not text.partition(":")[0].endswith(".py"):
            return cls(*text.split(":"))
        return cls.parse(text, "")

    @property
    def installed(self) -> bool:
        """Whether it means an object of an installed package."""
        return not self.path.endswith(".py")

    def __str__(self) -> str:
        return f"{self.path}:{self.function}"


@dataclass(frozen=True)
class Signature:
    """Arguments of a function, read from its source without running it.

    Attributes:
        keywords: Keyword-only argument → source of its default, or None if it has no default.
        open: Whether it takes any keyword (`**kwargs`).
        annotations: Keyword-only argument → source of its annotation, for those that have one.
        takes_two: Whether it can be called with two arguments in front of its keywords, as far as its source says.
    """

    keywords: Mapping[str, str | None]
    open: bool
    annotations: Mapping[str, str] = field(default_factory=dict)
    takes_two: bool = True

    def takes(self, name: str) -> bool:
        """Check that the function takes this keyword."""
        return self.open or name in self.keywords


def is_name(text: str) -> bool:
    """Check that a text is a Python name in normal form."""
    return text.isidentifier() and not keyword.iskeyword(text) and unicodedata.normalize("NFKC", text) == text


def is_reference(text: object) -> bool:
    """Check that a text has the form of a reference: a Python file, and maybe a name in it; or a module and a name."""
    return isinstance(text, str) and (text.partition(":")[0].endswith(".py") or _INSTALLED.fullmatch(text) is not None)


def find_project(study_file: Path) -> Path:
    """Return the project of a study file: the parent of `studies/`, else the file's own folder."""
    folder = study_file.resolve().parent
    return folder.parent if folder.name == "studies" else folder


def find_file(project: Path, path: str) -> Path:
    """Find the file `path` in the project, or in the package.

    Raises:
        ContentError: There is no such file in either.
    """
    for root in (project, *bundled_folders()):
        candidate = (root / path).resolve()
        if candidate.is_file() and candidate.is_relative_to(root.resolve()):
            return candidate
    names = [f"{folder}/{file.name}" for folder in ("models", "studies") for file in list_files(project, folder)]
    near = nearest(path, names)
    hint = f" Did you mean {near!r}?" if near else ""
    raise ContentError(f"There is no file {path!r} in {project}, nor does one come with the package.{hint}")


def list_files(project: Path, folder: str) -> list[Path]:
    """List the files of `models` or `studies`: the project's, then those of the package that it does not replace."""
    suffix = {"models": ".py", "studies": ".toml"}[folder]
    found: dict[str, Path] = {}
    for root in (project, *bundled_folders()):
        for file in sorted((root / folder).glob(f"*{suffix}")):
            if not file.name.startswith("_"):
                found.setdefault(file.name, file)
    return list(found.values())


def sha256(path: Path) -> str:
    """Return the hexadecimal hash of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_signature(project: Path, reference: Reference) -> Signature:
    """Read the signature of a function; the file is parsed, not run.

    Raises:
        ContentError: There is no such file or function, or the file is not Python.
    """
    path = find_file(project, reference.path)
    tree = parse(path, reference.path)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    if reference.function not in functions:
        raise no_function(reference, functions)
    function = functions[reference.function]
    arguments = function.args
    keywords = {
        argument.arg: ast.unparse(default) if default is not None else None
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    }
    annotations = {
        argument.arg: ast.unparse(argument.annotation)
        for argument in arguments.kwonlyargs
        if argument.annotation is not None
    }
    most = len(arguments.posonlyargs) + len(arguments.args)
    takes_two = most - len(arguments.defaults) <= 2 and (most >= 2 or arguments.vararg is not None)
    decorated = bool(function.decorator_list)  # by what may supply arguments in front
    return Signature(keywords, arguments.kwarg is not None, annotations, decorated or takes_two)


def source_text(path: Path) -> str:
    """Read a Python file as Python does: in its declared encoding, with universal newlines.

    Raises:
        SyntaxError: It declares no encoding, and is not UTF-8.
        UnicodeDecodeError: Its content is not in the declared encoding.
    """
    return decode_source(path.read_bytes())


def decode_source(content: bytes) -> str:
    """Return the text of a Python file; see `source_text`."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
    return io.StringIO(content.decode(encoding), newline=None).read()


def parse(path: Path, shown_as: str) -> ast.Module:
    """Parse a Python file.

    Raises:
        ContentError: It is not Python.
    """
    try:
        return _parse_text(source_text(path))
    except (SyntaxError, UnicodeDecodeError, ValueError, RecursionError, MemoryError) as error:
        raise ContentError(f"{shown_as} is not valid Python: {error}.") from error


@functools.lru_cache(maxsize=16)
def _parse_text(text: str) -> ast.Module:
    """Parse a text, which reading one study file asks for five times; nobody changes the tree."""
    return ast.parse(text)


def no_function(reference: Reference, functions: Iterable[str]) -> ContentError:
    """Make the error of a function that its file does not have; it names the nearest of those it has."""
    near = nearest(reference.function, functions := list(functions))
    hint = f" Did you mean {near!r}?" if near else ""
    known = ", ".join(functions) or "none"
    return ContentError(f"{reference.path} has no function {reference.function!r}.{hint} It has: {known}.")


def bundled_folders() -> Iterator[Path]:
    """Yield the folder of the package's own content: in the wheel, or beside the package in a checkout."""
    bundled = PACKAGE_FOLDER / "bundled"
    yield bundled if bundled.is_dir() else PACKAGE_FOLDER.parent
