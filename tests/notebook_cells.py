"""Cells of a notebook without a notebook: their source is known as IPython makes it known."""

from __future__ import annotations
import __future__

import ast
import itertools
import linecache
from types import ModuleType
from typing import Any

_NUMBERS = itertools.count()


class Session:
    """The names of a session, and its cells."""

    def __init__(self) -> None:
        self.module = ModuleType("__main__")
        self.names: dict[str, Any] = vars(self.module)

    def run(self, source: str) -> Any:
        """Run a cell, and return what its last name means."""
        filename = f"<cell-{next(_NUMBERS)}>"
        linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
        before = set(self.names)
        for statement in ast.parse(source).body:  # one at a time, as IPython does
            exec(compile(ast.Module([statement], []), filename, "exec", _flags(source), dont_inherit=True), self.names)
        new = [name for name in self.names if name not in before and name != "__builtins__"]
        return self.names[new[-1]] if new else None


def _flags(source: str) -> int:
    return __future__.annotations.compiler_flag if "from __future__ import annotations" in source else 0
