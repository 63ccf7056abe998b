"""How mapping files read YAML: names of columns and codes stay what they are."""

from __future__ import annotations

import re
from collections.abc import Hashable
from typing import Any

import yaml


class MappingLoader(yaml.SafeLoader):
    """Plain words as YAML 1.2 has them, and keys always as texts.

    By the older rules of PyYAML a column called `no` or `on` is a boolean, the code 010 the number 8, the key 2 a
    number and 2020-01-01 no text: all of them silent mistakes in a list of columns and codes.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own way to say it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}


for _tag, _pattern, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:0|[1-9][0-9]*)\.[0-9]+", list("-+0123456789")),
    ("merge", r"<<", ["<"]),
):
    MappingLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)
