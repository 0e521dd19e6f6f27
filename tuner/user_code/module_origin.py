"""Where a module comes from, and how a file of the project imports what it holds."""

from __future__ import annotations

import ast
import functools
import site
import sys
import sysconfig
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

from tuner.user_code.installed_objects import distributions

_HIDDEN_PARTS = frozenset({"src", "api", "python", "internal"})
"""Parts of module names that packages keep to themselves, besides those that begin with an underscore."""


class ModuleOrigin(Enum):
    """Where a module comes from."""

    INSTALLED = "installed"
    PROJECT = "project"
    SESSION = "session"
    """A notebook, the script that runs, a file that runs now, or one that workers would not find."""


def module_origin(module: ModuleType | None, project: Path) -> ModuleOrigin:
    """Tell where a module comes from; None is one that is not known any more."""
    if module is None or module.__name__ == "__main__" or module.__name__.startswith("_tuner_content"):
        return ModuleOrigin.SESSION
    file = getattr(module, "__file__", None)
    if file is None:
        return ModuleOrigin.INSTALLED
    if module.__spec__ is None or getattr(module.__spec__, "_initializing", False):
        return ModuleOrigin.SESSION  # loading it in a worker would run the study again
    path = Path(file).resolve()
    if any(path.is_relative_to(folder) for folder in _installed_folders()):
        return ModuleOrigin.INSTALLED
    if module.__name__.partition(".")[0] in (*distributions(), "tuner"):
        return ModuleOrigin.INSTALLED  # in place, as `pip install --editable` does
    return ModuleOrigin.PROJECT if path.is_relative_to(project.resolve()) else ModuleOrigin.SESSION


@functools.cache
def _installed_folders() -> tuple[Path, ...]:
    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return tuple(Path(place).resolve() for place in [*places, *site.getsitepackages(), site.getusersitepackages()])


def module_path(module: ModuleType, project: Path) -> str:
    """Return the path of a module of the project, relative to it."""
    return Path(str(module.__file__)).resolve().relative_to(project.resolve()).as_posix()


def module_name(module: ModuleType, project: Path) -> str:
    """Return the name by which a file of the project imports a module."""
    if module_origin(module, project) is not ModuleOrigin.PROJECT:
        return module.__name__
    path = Path(module_path(module, project)).with_suffix("")
    return ".".join(path.parts[:-1] if path.name == "__init__" else path.parts)


def import_module_line(name: str, module: ModuleType, project: Path) -> str | None:
    """Return the line that imports a module as `name`, or None if it cannot be imported."""
    dotted = module_name(module, project)
    if module_origin(module, project) is ModuleOrigin.INSTALLED and sys.modules.get(dotted) is not module:
        found = public_name(name, module, "")
        return None if found is None else _import_from(*found, name)
    parent, _, last = dotted.rpartition(".")
    if dotted == name:
        return f"import {name}"
    return f"from {parent} import {last}" if last == name and parent else f"import {dotted} as {name}"


def submodule_lines(module: ModuleType, name: str, chains: frozenset[str]) -> list[str]:
    """Return the imports of the submodules that are reached by dotted names, where the package imports none itself."""
    lines = []
    for chain in sorted(chains):
        parts = chain.split(".")
        if parts[0] != name or module.__name__ != name:
            continue
        for count in range(2, len(parts) + 1):
            dotted, package = ".".join(parts[:count]), sys.modules.get(".".join(parts[: count - 1]))
            if dotted not in sys.modules or package is None:
                break
            if not _imports_itself(package, parts[count - 1]):
                lines.append(f"import {dotted}")
    return list(dict.fromkeys(lines))


@functools.cache
def _imports_itself(package: ModuleType, child: str) -> bool:
    """Tell whether importing a package is enough to have its submodule, as far as its file says."""
    if hasattr(package, "__getattr__") or not str(getattr(package, "__file__", "")).endswith(".py"):
        return True
    try:
        tree = ast.parse(Path(str(package.__file__)).read_bytes())
    except (OSError, SyntaxError, ValueError):
        return True
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = {alias.name for node in imports for alias in node.names}
    named |= {node.module or "" for node in imports if isinstance(node, ast.ImportFrom)}
    return any(child in one.split(".") for one in named)


def import_from_line(name: str, value: Any) -> str | None:
    """Return the line that imports an object of an installed package as `name`, or None if no module holds it."""
    of = getattr(value, "__module__", None)
    root = of.partition(".")[0] if isinstance(of, str) else ""
    found = public_name(getattr(value, "__name__", name), value, root) or public_name(name, value, "")
    return None if found is None else _import_from(*found, name)


def _import_from(module: str, attribute: str, name: str) -> str:
    return f"from {module} import {attribute}" + ("" if attribute == name else f" as {name}")


def public_name(attribute: str, value: Any, root: str) -> tuple[str, str] | None:
    """Return the module, the most public and shortest one, that holds a value by a name, and that name.

    Args:
        attribute: The name.
        value: The object itself; equal ones do not count.
        root: Package that it must be of; "" for any that is installed.
    """
    holders = [
        dotted
        for dotted, module in list(sys.modules.items())
        if (not root or dotted == root or dotted.startswith(f"{root}."))
        and isinstance(module, ModuleType)
        and vars(module).get(attribute) is value
        and module_origin(module, Path("/nowhere")) is ModuleOrigin.INSTALLED
    ]
    return min(((name, attribute) for name in holders), key=lambda pair: _privacy(pair[0]), default=None)


def _privacy(dotted: str) -> tuple[int, int, int]:
    parts = dotted.split(".")
    hidden = sum(part.startswith("_") or part in _HIDDEN_PARTS for part in parts)
    return hidden, len(parts), len(dotted)
