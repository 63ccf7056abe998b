"""YAML with the line of every value, for messages that say where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import yaml

from tarazu.errors import MappingError

Place: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """Plain values, and the line (from 1) of each by its path of keys and positions."""

    path: Path
    content: Any
    lines: dict[Place, int]

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest thing around it."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


def read_yaml(path: Path) -> Document:
    """Raises MappingError where the file cannot be read, is no YAML, or names a key twice."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MappingError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise MappingError(f"{path} is not UTF-8.", mend="Save it as UTF-8.") from error
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise MappingError(f"{place}: this is not YAML: {getattr(error, 'problem', error)}.") from error
    lines: dict[Place, int] = {}
    content = None if node is None else _plain(node, (), lines, path)
    return Document(path, content, lines)


def _plain(node: yaml.Node, place: Place, lines: dict[Place, int], path: Path) -> Any:
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value)
            line = key_node.start_mark.line + 1
            if key in found:
                raise MappingError(
                    f"{path}:{line}: the key {key!r} stands twice.", mend="Remove one of them."
                )
            found[key] = _plain(value_node, (*place, key), lines, path)
            # A block's own mark is its first entry; the line of its key is what a reader looks for.
            lines[*place, key] = line
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*place, index), lines, path) for index, item in enumerate(node.value)]
    assert isinstance(node, yaml.ScalarNode)
    return yaml.safe_load(node.value) if _is_typed(node) else node.value


def _is_typed(node: yaml.ScalarNode) -> bool:
    """Numbers, booleans and null; dates stay text, for they are values to compare with."""
    return node.tag.rpartition(":")[2] in {"int", "float", "bool", "null"}
