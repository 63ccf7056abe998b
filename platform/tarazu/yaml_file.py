"""YAML files that people write (rules, mappings): their data, and for each value the line it stands on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tarazu.errors import InputError

_PathPart = str | int
# libyaml reads the catalogue in an eighth of the time of the parser in Python; PyYAML is built without it on some systems.
SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NESTING_MAX = 64


@dataclass(frozen=True, slots=True)
class YamlFile:
    path: Path
    data: Any
    _root: yaml.Node

    def line(self, field: Sequence[_PathPart]) -> int:
        """Line (from 1) of the value at `field`, or of its nearest parent that exists."""
        node = self._root
        line = node.start_mark.line
        for part in field:
            child = _child(node, part)
            if child is None:
                break
            line, node = child
        return int(line) + 1

    def place(self, field: Sequence[_PathPart]) -> str:
        """`file:line: field`, the form in which all messages about the file begin."""
        return f"{self.path}:{self.line(field)}: {dotted(field) or 'file'}"


def dotted(field: Sequence[_PathPart]) -> str:
    """`("when", 0, "op")` as `when[0].op`."""
    text = ""
    for part in field:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def read_yaml(path: Path, error: type[InputError], *, loader: Any = SafeLoader) -> YamlFile:
    """Read one document. A `loader` of one's own may read plain words in another way.

    Raises:
        InputError: (of the class given) the file is missing, is no UTF-8, no YAML, or names a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise error(f"{path}: there is no such file.") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise error(f"{path}: cannot be read: {fault}", mend="Save it as UTF-8 text.") from fault
    try:
        _refuse_deep_nesting(path, text, error)
        reading = loader(text)
        try:
            root = reading.get_single_node()
            data = None if root is None else reading.construct_document(root)
        finally:
            reading.dispose()
    except yaml.MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise error(
            f"{path}:{line}: is no YAML: {fault.problem}", mend="Mind indentation, colons, quotes."
        ) from fault
    if root is None:
        raise error(f"{path}:1: the file is empty.")
    _refuse_double_keys(path, root, error)
    return YamlFile(path, data, root)


def _refuse_deep_nesting(path: Path, text: str, error: type[InputError]) -> None:
    # Both parsers recurse; libyaml's ends the process at some ten thousand levels.
    depth = 0
    for event in yaml.parse(text, Loader=SafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _NESTING_MAX:
            raise error(
                f"{path}:{getattr(event.start_mark, 'line', 0) + 1}: is nested more than {_NESTING_MAX} levels deep.",
                mend="Mind brackets and braces that do not close.",
            )


def _child(node: yaml.Node, part: _PathPart) -> tuple[int, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return key.start_mark.line, value
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item.start_mark.line, item
    return None


def _refuse_double_keys(path: Path, node: yaml.Node, error: type[InputError]) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise error(
                    f"{path}:{key.start_mark.line + 1}: {key.value} is given twice.",
                    mend="Keep one of the two.",
                )
            seen.add(key.value)
            _refuse_double_keys(path, value, error)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _refuse_double_keys(path, item, error)
