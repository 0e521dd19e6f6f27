"""Objects of installed packages by name, `package.module:Name`: found in their source, without importing anything."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from tuner.errors import ContentError
from tuner.user_code.references import Reference, parse

_MOST_IMPORTS = 12
"""Modules that a name may be imported through, one from the other."""


@dataclass(frozen=True)
class InstalledObject:
    """A function or class of an installed package.

    Attributes:
        file: The file that defines it.
        tree: The content of this file.
        node: Its definition.
        sha256: Hash of the version of the package and of the file.
    """

    file: Path
    tree: ast.Module
    node: ast.FunctionDef | ast.ClassDef
    sha256: str


def find_installed(reference: Reference, project: Path) -> InstalledObject:
    """Find the definition of an object, through the modules that import it by name.

    Args:
        reference: Module and name.
        project: Its files are none of an installed package.

    Raises:
        ContentError: There is no such module, or its source does not say where the name is defined.
    """
    module, name = reference.path, reference.function
    for _ in range(_MOST_IMPORTS):
        file = _find_module(module, project)
        if file is None:
            own = f"{reference.path.replace('.', '/')}.py"
            step = f"Write {own}:{name}" if (project / own).is_file() else "Install it, or write a file of the project"
            raise ContentError(
                f"{reference} names a module of an installed package, but there is no {module} with a Python source. "
                f"{step}."
            )
        tree = parse(file, module)
        found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        if name in found:
            content = f"{_version(reference.path)}\n".encode() + file.read_bytes()
            return InstalledObject(file, tree, found[name], hashlib.sha256(content).hexdigest())
        package = module if file.name == "__init__.py" else module.rpartition(".")[0]
        source = next(_sources(tree, name, package), None)
        if source is None:
            break
        module, name = source
    raise ContentError(
        f"{reference} must be a function or class that the source of {reference.path} defines or imports by name, but "
        f"it has none. Correct the name, or write a function in a file of the project that calls it."
    )


def _sources(tree: ast.Module, name: str, package: str) -> Iterator[tuple[str, str]]:
    """Yield the module that a name is imported from, and its name there."""
    for node in tree.body:
        for alias in node.names if isinstance(node, ast.ImportFrom) else ():
            if name == (alias.asname or alias.name) and isinstance(node, ast.ImportFrom):
                parents = package.split(".")
                base = parents[: len(parents) - node.level + 1] if node.level else []
                yield ".".join([*base, *([node.module] if node.module else [])]), alias.name


def _find_module(module: str, project: Path) -> Path | None:
    """Find the source of an installed module without importing its packages, or return None."""
    places: Sequence[str] = [place for place in sys.path if Path(place or ".").resolve() != project.resolve()]
    parts = module.split(".")
    for count in range(1, len(parts) + 1):
        spec = importlib.machinery.PathFinder.find_spec(".".join(parts[:count]), places)
        if spec is None:
            return None
        places = [*(spec.submodule_search_locations or ())]
    origin = None if spec is None or spec.origin is None else Path(spec.origin)
    return origin if origin is not None and origin.suffix == ".py" and origin.is_file() else None


def _version(module: str) -> str:
    """Return the version of the package of a module; "" if it has none."""
    top = module.partition(".")[0]
    try:
        return version(top)
    except PackageNotFoundError:
        if top not in distributions():
            distributions.cache_clear()  # it may have been installed since
        names = distributions().get(top, ())
        return version(names[0]) if names else ""


@functools.cache
def distributions() -> Mapping[str, Sequence[str]]:
    """Map each top-level module to the packages that install it; to read what all of them list takes 0.3 s."""
    return packages_distributions()
