"""The files of a project that one of its files imports, found without running any.

A file is found by the absolute name of its module below the project folder, as `from models.blocks import hidden` in
`models/net.py` names `models/blocks.py`; in a file found so, relative names count too.  What is installed comes first:
a file of the project must not hide a library.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.user_code.references import decoded, find, parse


@dataclass(frozen=True)
class Helper:
    """A file of the project that is imported.

    Attributes:
        module: Its dotted name.
        path: Relative to the project, with forward slashes.
        content: Its bytes.
        package: Whether it is the `__init__.py` of a package.
    """

    module: str
    path: str
    content: bytes
    package: bool

    @property
    def text(self) -> str:
        """Its content as Python reads it."""
        return decoded(self.content)

    @property
    def sha256(self) -> str:
        """The hash of its content."""
        return hashlib.sha256(self.content).hexdigest()


def find_helpers(project: Path, path: str) -> dict[str, Helper]:
    """Return what a file imports of its project, and what that imports, by the name of the module.

    Args:
        project: The folder that names of modules start in.
        path: The file, relative to the project or to what the package carries.

    Raises:
        ContentError: There is no such file, or one of them is not Python.
    """
    found: dict[str, Helper] = {}
    waiting = [(find(project, path), path, "")]
    while waiting:
        file, shown_as, package = waiting.pop()
        for module, _ in _imported(parse(file, shown_as), package):
            for helper in _helpers(project, module):
                if helper.module not in found:
                    found[helper.module] = helper
                    inside = helper.module if helper.package else helper.module.rpartition(".")[0]
                    waiting.append((project / helper.path, helper.path, inside))
    return dict(sorted(found.items()))


def helper_hashes(project: Path, path: str) -> dict[str, str]:
    """Return the path of each file that `find_helpers` finds, and the hash of its content."""
    return {helper.path: helper.sha256 for helper in find_helpers(project, path).values()}


def missing_helper(project: Path, path: str) -> str | None:
    """Return why an import at the top of a file must fail, in words; None if it is not certain.

    Only what looks like a file of the project is judged: a library may be installed where trials are trained.
    """
    file = find(project, path)
    for module, line in _imported(parse(file, path), "", top=True):
        parent, _, name = module.rpartition(".")
        if _elsewhere(project, module) or list(_helpers(project, module)):
            continue
        if parent and project.joinpath(*parent.split(".")).is_dir() and not _has(project, module):
            return f"{path} imports {module} (line {line}), but there is no {module.replace('.', '/')}.py in {project}"
        beside = file.with_name(f"{name}.py")
        if not parent and not _has(project, module) and beside.is_file() and beside.is_relative_to(project):
            dotted = ".".join(beside.relative_to(project).with_suffix("").parts)
            return (
                f"{path} imports {module} (line {line}), but names of modules start in the project folder: "
                f"import {dotted} in its place"
            )
    return None


def _imported(tree: ast.Module, package: str, *, top: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the modules that a file may import, with the line: of `from a import b` both a and a.b.

    Args:
        tree: The file.
        package: The package that relative names start in; "" for none, where they are errors.
        top: Whether only statements count that are run in any case, and of `from a import b` only a.
    """
    for node in tree.body if top else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".") if package else []
            if node.level > len(parents):
                continue
            base = parents[: len(parents) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module, node.lineno
            if not top:
                yield from ((f"{module}.{alias.name}", node.lineno) for alias in node.names if alias.name != "*")


def _helpers(project: Path, module: str) -> Iterator[Helper]:
    """Yield the files that importing a module runs: the `__init__.py` of each package, and its own."""
    parts = module.split(".")
    if _elsewhere(project, module) or not all(part.isidentifier() for part in parts):
        return
    for count in range(1, len(parts) + 1):
        base = project.joinpath(*parts[:count])
        for file, package in ((base / "__init__.py", True), (base.with_name(f"{base.name}.py"), False)):
            if file.is_file():
                path = file.relative_to(project).as_posix()
                yield Helper(".".join(parts[:count]), path, file.read_bytes(), package)
                break


def _has(project: Path, module: str) -> bool:
    base = project.joinpath(*module.split("."))
    return base.is_dir() or base.with_name(f"{base.name}.py").is_file()


def _elsewhere(project: Path, module: str) -> bool:
    """Return whether a module is installed; the folders of a namespace package are looked through one by one."""
    parts = module.split(".")
    if parts[0] in sys.stdlib_module_names or parts[0] in ("tuner", ""):
        return True
    places: Sequence[str] = [place for place in sys.path if Path(place or ".").resolve() != project.resolve()]
    for count in range(1, len(parts) + 1):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:count]), places)
        if spec is None or spec.loader is not None:
            return spec is not None
        places = [*(spec.submodule_search_locations or ())]
    return False
