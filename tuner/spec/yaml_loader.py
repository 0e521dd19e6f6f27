"""YAML as study files use it: the safe subset, with three of its surprises taken out.

`yaml.SafeLoader` lets a later key silently replace an earlier one, reads `1e-4` as a text (YAML 1.1 wants a dot),
and expands aliases without a bound.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml


class StudyLoader(yaml.SafeLoader):
    """The safe loader; keys must be texts and stand there once, `1e-4` is a number, there are no aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """The next node.

        Raises:
            yaml.YAMLError: It is an alias.
        """
        if self.check_event(yaml.AliasEvent):
            raise yaml.constructor.ConstructorError(
                None, None, "aliases (*name) are not read in a study file", self.peek_event().start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping.

        Raises:
            yaml.YAMLError: A key stands there twice, or is no text.
        """
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"a key must be a text, but got {key!r}", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


StudyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
