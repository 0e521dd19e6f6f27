"""A loader for study files in YAML: the safe subset, without some of its surprises.

`yaml.SafeLoader` lets a later key silently replace an earlier one, reads `1e-4` as a text (YAML 1.1 wants a dot),
expands aliases without a bound, needs 20 microseconds for each token, and reads numbers of any length (one in base 60,
as in `1:30:00`, in quadratic time).
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml

MAX_TOKENS = 40_000
"""Tokens of a list of 20,000 names."""
_LONGEST_NUMBER = 400


class StudyLoader(yaml.SafeLoader):
    """The safe loader; keys must be unique strings, `1e-4` is a number, aliases are refused.

    Raises:
        yaml.YAMLError: There are more than `MAX_TOKENS`, or a number is too long.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._tokens = 0

    def fetch_more_tokens(self) -> None:
        """Fetch the next tokens, up to the limit."""
        self._tokens += 1
        if self._tokens > MAX_TOKENS:
            raise yaml.constructor.ConstructorError(
                None, None, f"a study file has at most {MAX_TOKENS:,} tokens", self.get_mark()
            )
        super().fetch_more_tokens()

    def construct_number(self, node: yaml.ScalarNode) -> int | float:
        """Construct a number of limited length."""
        if len(node.value) > _LONGEST_NUMBER:
            raise yaml.constructor.ConstructorError(
                None, None, f"a number has at most {_LONGEST_NUMBER} digits", node.start_mark
            )
        whole = node.tag == "tag:yaml.org,2002:int"
        return self.construct_yaml_int(node) if whole else self.construct_yaml_float(node)

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Compose the next node.

        Raises:
            yaml.YAMLError: It is an alias.
        """
        if self.check_event(yaml.AliasEvent):
            start = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(
                None, None, "aliases (*name) are not allowed in a study file", start
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Construct a mapping.

        Raises:
            yaml.YAMLError: A key occurs twice, or is not a string.
        """
        seen = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str):
                raise yaml.constructor.ConstructorError(
                    None, None, f"a key must be a string, but got {key!r}", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


for _tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float"):
    StudyLoader.add_constructor(_tag, StudyLoader.construct_number)
StudyLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)
