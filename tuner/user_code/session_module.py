"""Write the functions and classes of a Python session as a file of the project, with all that they use.

A worker never gets a pickled function.  What a function uses is written as well: modules as imports, functions and
classes of the session as their source, plain values as literals.  Anything else cannot travel, and is refused by name.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import math
import pprint
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from tuner.errors import ContentError
from tuner.user_code.installed_objects import find_installed
from tuner.user_code.live_source import LiveSource, environment, read_live_source
from tuner.user_code.module_origin import (
    ModuleOrigin,
    import_from_line,
    import_module_line,
    module_name,
    module_origin,
    module_path,
    public_name,
    submodule_lines,
)
from tuner.user_code.references import Reference
from tuner.user_code.untransferable_value_advice import advice, what_it_is

_LONGEST_LITERAL = 10_000
"""Characters of a literal; a longer one is data."""

_WIDTH = 110
_OF_A_MODULE = frozenset({"__name__", "__file__", "__doc__", "__builtins__"})


@dataclass
class _Definition:
    source: LiveSource
    attributes: list[str]


class SessionModule:
    """A file with what the functions of a study need.

    Args:
        project: Folder of the project.
        path: The file, relative to it.
    """

    def __init__(self, project: Path, path: str) -> None:
        self._project, self._path = project, path
        self._values: dict[str, Any] = {}
        self._imports: dict[str, None] = {}
        self._constants: dict[str, str] = {}
        self._aliases: dict[str, str] = {}
        self._definitions: dict[str, _Definition] = {}

    def refer(self, thing: FunctionType | type, *, installed: bool = False) -> str:
        """Return the reference to a function or class, and take it into the file if it is in no other.

        Args:
            thing: The function or class.
            installed: Whether it may be of an installed package, which is named by module.

        Raises:
            ContentError: It cannot be taken; the message names what it uses that cannot travel.
        """
        inner = _unwrapped(thing)
        module = sys.modules.get(inner.__module__)
        origin = module_origin(module, self._project)
        if origin is ModuleOrigin.INSTALLED:
            package = inner.__module__.partition(".")[0]
            found = public_name(thing.__name__, thing, package) if installed else None
            if found is None:
                raise ContentError(
                    f"{thing.__name__} is from the package {package}, and cannot be named here. Write a function of "
                    "your "
                    "own that calls it."
                )
            reference = Reference(*found)
            find_installed(reference, self._project)
            return str(reference)
        if module is not None and origin is ModuleOrigin.PROJECT and getattr(module, thing.__name__, None) is thing:
            read_live_source(inner)  # refuses what was imported before its file was changed
            return str(Reference(module_path(module, self._project), thing.__name__))
        return str(Reference(self._path, self._define(thing, inner)))

    def text(self) -> str | None:
        """Return the text of the file, or None if it would hold nothing."""
        if not self._definitions:
            return None
        named = self._path.rpartition("/")[2].removesuffix(".py")
        parts = [f'"""What the study {named!r} takes from a Python session; tuner.run writes it again each time."""']
        if any(one.source.future_annotations for one in self._definitions.values()):
            parts.append("from __future__ import annotations")
        parts.append("\n".join(sorted(self._imports, key=_import_order)))
        parts.append("\n".join(f"{name} = {text}" for name, text in self._constants.items()))
        head = "\n\n".join(part for part in parts if part)
        return "\n\n\n".join([head, *self._ordered()]) + "\n"

    def _define(self, thing: Any, inner: FunctionType | type) -> str:
        """Take a definition and all that it uses into the file, and return its name there."""
        source = read_live_source(inner)
        if not self._is_new(source.name, thing, source.name):
            return source.name
        if isinstance(source.node, ast.AsyncFunctionDef):
            raise ContentError(f"{source.name} is async ({source.place}), which training does not await. Write def.")
        self._definitions[source.name] = _Definition(source, _attribute_lines(thing, source))
        meanings = environment(inner)
        _check_defaults(inner, source, meanings)
        for name in sorted(source.early | source.late):
            self._use(name, meanings, source)
        return source.name

    def _is_new(self, name: str, value: Any, user: str) -> bool:
        if name not in self._values:
            self._values[name] = value
            return True
        if self._values[name] is value or (name in self._constants and self._constants[name] == _literal(value)):
            return False
        raise ContentError(
            f"One file holds what a study uses, but {name!r} means two things in it, one of them in {user}. Give one "
            "of them another name."
        )

    def _use(self, name: str, meanings: Mapping[str, Any], source: LiveSource) -> None:
        """Take what a global name means into the file."""
        if name in _OF_A_MODULE:
            return
        if name not in meanings:
            if hasattr(builtins, name):
                return
            raise ContentError(
                f"{source.name} uses {name!r} ({source.place}), which is not defined. Define it, or import it, before "
                "the study is run."
            )
        value = meanings[name]
        if isinstance(value, ModuleType):
            self._import_module(name, value, source)
        elif (text := _literal(value)) is not None:
            if self._is_new(name, value, source.name):
                self._constants[name] = text
        elif not self._is_defined(name, value, source):
            line = None if isinstance(value, FunctionType) else import_from_line(name, value)
            if line is None:
                raise ContentError(
                    f"{source.name} uses {name!r} ({source.place}), which is {what_it_is(value)} and cannot be sent "
                    f"to a worker. {advice(value, name)}"
                )
            if self._is_new(name, value, source.name):
                self._imports[line] = None

    def _import_module(self, name: str, module: ModuleType, source: LiveSource) -> None:
        line = import_module_line(name, module, self._project)
        if line is None or module_origin(module, self._project) is ModuleOrigin.SESSION:
            raise ContentError(
                f"{source.name} uses the module {name!r} ({source.place}), which workers would not find: it is neither "
                f"installed nor in {self._project.resolve()}. Install it, move it there, or import its functions by "
                "name: their source is copied."
            )
        if self._is_new(name, module, source.name):
            self._imports[line] = None
        for more in submodule_lines(module, name, source.chains):
            self._imports[more] = None

    def _is_defined(self, name: str, value: Any, source: LiveSource) -> bool:
        """Take a function or class, and return whether the value is one that a file can hold."""
        inner = _unwrapped(value)
        if not isinstance(inner, FunctionType | type):
            return False
        module = sys.modules.get(inner.__module__)
        origin = module_origin(module, self._project)
        attribute = getattr(value, "__name__", inner.__name__)
        held = module is not None and getattr(module, attribute, None) is value
        if origin is ModuleOrigin.PROJECT and held and module is not None:
            if self._is_new(name, value, source.name):
                renamed = "" if attribute == name else f" as {name}"
                self._imports[f"from {module_name(module, self._project)} import {attribute}{renamed}"] = None
            return True
        if origin is ModuleOrigin.INSTALLED:
            line = import_from_line(name, value)
            if line is not None and self._is_new(name, value, source.name):
                self._imports[line] = None
            return line is not None
        if inner.__name__ == "<lambda>":
            return False
        defined = self._define(value, inner)
        if defined != name and self._is_new(name, value, source.name):
            if self._definitions[defined].source.node.decorator_list:
                raise ContentError(
                    f"{source.name} uses {defined!r} by the name {name!r} ({source.place}), but it has a decorator "
                    "that returns another function. Use functools.wraps in the decorator, or the name of the function."
                )
            self._aliases[name] = defined
        return True

    def _ordered(self) -> list[str]:
        """Return the definitions, each after those that it needs to be defined."""
        placed: dict[str, None] = {}
        begun = set()

        def place(name: str, completely: bool) -> None:
            name = self._aliases.get(name, name)
            if name in begun or name not in self._definitions:
                return
            begun.add(name)
            source = self._definitions[name].source
            for other in sorted(source.early):
                place(other, True)
            for other in sorted(source.late) if completely else ():
                place(other, True)
            placed[name] = None

        for name in reversed(self._definitions):  # what is used before what uses it, where both is possible
            place(name, False)
        blocks = []
        for name in placed:
            one = self._definitions[name]
            aliases = [f"{alias} = {name}\n" for alias, of in self._aliases.items() if of == name]
            blocks.append("\n\n".join(part for part in (one.source.text, "".join([*one.attributes, *aliases])) if part))
        return [block.rstrip("\n") for block in blocks]


def _unwrapped(thing: Any) -> Any:
    """Return the function under decorators that say what they wrap."""
    return thing if isinstance(thing, type) else inspect.unwrap(thing)


def _attribute_lines(thing: Any, source: LiveSource) -> list[str]:
    """Return the lines that set attributes of a function, as in `tversky.heads = {…}`."""
    if isinstance(thing, type):
        return []
    lines = []
    for name, value in vars(thing).items():
        text = _literal(value)
        if text is not None and not name.startswith("_"):
            lines.append(f"{source.name}.{name} = {text}\n")
        elif text is None and not name.startswith("_") and not source.node.decorator_list:
            raise ContentError(
                f"{source.name}.{name} is {what_it_is(value)} ({source.place}) and cannot be sent to a worker. Set a "
                "plain value."
            )
    return lines


def _check_defaults(thing: Any, source: LiveSource, meanings: Mapping[str, Any]) -> None:
    """Refuse a default that was another value when the function was defined."""
    if not isinstance(thing, FunctionType) or isinstance(source.node, ast.ClassDef):
        return
    arguments = source.node.args
    places = [*arguments.posonlyargs, *arguments.args]
    given = [*zip(places[len(places) - len(arguments.defaults) :], arguments.defaults, strict=True)]
    given += [
        (one, default) for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default
    ]
    values = dict(zip((one.arg for one, _ in given), thing.__defaults__ or (), strict=False))
    values |= thing.__kwdefaults__ or {}
    for one, default in given:
        if isinstance(default, ast.Name) and default.id in meanings and one.arg in values:
            then, now = values[one.arg], meanings[default.id]
            if then is not now and _literal(then) != _literal(now):
                raise ContentError(
                    f"{source.name}({one.arg}={default.id}) was defined when {default.id} was {then!r}, and now it is "
                    f"{now!r} ({source.place}). Run the cell of {source.name} again."
                )


def _literal(value: Any) -> str | None:
    """Return the source of a plain value, or None for other objects."""
    if not _is_plain(value):
        return None
    text = pprint.pformat(value, width=_WIDTH, sort_dicts=False)
    return text if len(text) <= _LONGEST_LITERAL else None


def _is_plain(value: Any) -> bool:
    if type(value) in (tuple, list, set, frozenset):
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    return value is None or type(value) in (bool, int, str, bytes) or (type(value) is float and math.isfinite(value))


def _import_order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line.split()[1]
