"""Find the files of a project that one of its files imports, without running any.

A module is looked up by its absolute name below the project folder: `from models.blocks import hidden` means
`models/blocks.py`; in modules found this way, relative imports work too.  Installed modules come first: a file of the
project must not hide a library.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.user_code.references import decode_source, find_file, parse


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
        return decode_source(self.content)

    @property
    def sha256(self) -> str:
        """The hash of its content."""
        return hashlib.sha256(self.content).hexdigest()


def find_helpers(project: Path, path: str) -> dict[str, Helper]:
    """Find the modules of the project that a file imports, directly or not, by name.

    Args:
        project: The root folder of module names.
        path: The file, relative to the project or to the package's own content.

    Raises:
        ContentError: There is no such file, or one of the files is not Python.
    """
    found: dict[str, Helper] = {}
    waiting = [(find_file(project, path), path, "")]
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
    """Return path → content hash of each file that `find_helpers` finds."""
    return {helper.path: helper.sha256 for helper in find_helpers(project, path).values()}


def missing_helper(project: Path, path: str) -> str | None:
    """Return why a top-level import of a file will certainly fail, or None.

    Only names that look like files of the project are judged: a library may be installed where trials are trained.
    """
    file = find_file(project, path)
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
                f"{path} imports {module} (line {line}), but module names start at the project folder: "
                f"import {dotted} instead"
            )
    return None


def _imported(tree: ast.Module, package: str, *, top: bool = False) -> Iterator[tuple[str, int]]:
    """Yield the modules that a file may import, with the line: of `from a import b` both a and a.b.

    Args:
        tree: The file.
        package: The package of relative imports; "" for none, in which they are errors.
        top: Whether to yield only unconditional imports, and of `from a import b` only a.
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
    """Check that a module is installed, without importing it or its packages."""
    parts = module.split(".")
    if parts[0] in sys.stdlib_module_names or parts[0] in ("tuner", ""):
        return True
    places: Sequence[str] = _library_folders(project, Path.cwd(), *sys.path)
    for count in range(1, len(parts) + 1):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:count]), places)
        if spec is None or spec.loader is not None:
            return spec is not None
        places = [*(spec.submodule_search_locations or ())]
    return False


@functools.lru_cache(maxsize=8)
def _library_folders(project: Path, current: Path, *search_path: str) -> Sequence[str]:
    """Return the places that modules are imported from, without the project."""
    return [place for place in search_path if (current / place).resolve() != project.resolve()]
