"""Measures a parsed document and refuses one beyond the limits, before the validation rules see it.

Every definition is walked once; what fragments add is summed from those sums, so a fragment bomb costs no more than
its text. Fragments are written out only when that sum is known to be small.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    ValueNode,
)

from graphql_api.limits.document_limits import (
    AliasesError,
    DepthError,
    DirectivesError,
    FieldsError,
    FragmentsError,
    LimitError,
    OperationsError,
    RepeatsError,
    RootFieldsError,
    SpreadsError,
    ValueDepthError,
)
from graphql_api.refusals import DocumentInvalidError

# Sums stop here: thirty fragments that each use the next twice would otherwise be numbers of 2³⁰.
_CAP: Final = 1_000_000

_Definition = OperationDefinitionNode | FragmentDefinitionNode


@dataclass(slots=True)
class _Size:
    """What one definition holds by itself."""

    fields: int = 0
    root_fields: int = 0
    depth: int = 0
    aliases: int = 0
    # Each with the level it stands on, from 1; those on level 1 add fields to the root.
    spreads: list[tuple[str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Whole:
    """A definition with its fragments written out. The numbers are exact up to a million."""

    fields: int
    root_fields: int
    depth: int


def check_shape(document: DocumentNode) -> None:
    """Raises a LimitError, or DocumentInvalidError for fragments that no operation uses or that use themselves."""
    operations = [part for part in document.definitions if isinstance(part, OperationDefinitionNode)]
    # A second one of the same name is refused by validation.
    fragments = {
        part.name.value: part for part in document.definitions if isinstance(part, FragmentDefinitionNode)
    }
    _refuse(OperationsError, len(operations))
    _refuse(FragmentsError, len(fragments))
    own = [_measure(operation) for operation in operations]
    parts = {name: _measure(fragment) for name, fragment in fragments.items()}
    sizes = [*own, *parts.values()]
    _refuse(AliasesError, sum(size.aliases for size in sizes))
    _refuse(SpreadsError, sum(len(size.spreads) for size in sizes))
    known: dict[str, _Whole] = {}
    wholes = [_write_out(size, parts, known, frozenset()) for size in own]
    for whole in wholes:
        _refuse(DepthError, whole.depth)
        _refuse(RootFieldsError, whole.root_fields)
    _refuse(FieldsError, sum(whole.fields for whole in wholes))
    if unused := parts.keys() - known.keys():
        # Validation would walk them before it refuses them.
        raise DocumentInvalidError(f"No operation uses the fragment `{min(unused)}`.", mend="Remove it.")
    _refuse(RepeatsError, sum(_count_pairs(operation, fragments) for operation in operations))


def _refuse(limit: type[LimitError], found: int) -> None:
    if found > limit.maximum:
        raise limit(found if found < _CAP else None)


def _measure(definition: _Definition) -> _Size:
    size = _Size()
    _check_directives(definition)
    stack: list[tuple[SelectionSetNode, int]] = [(definition.selection_set, 1)]
    while stack:
        selection_set, level = stack.pop()
        for selection in selection_set.selections:
            _check_directives(selection)
            if isinstance(selection, FieldNode):
                size.fields += 1
                size.root_fields += level == 1
                size.depth = max(size.depth, level)
                size.aliases += selection.alias is not None
                for argument in selection.arguments or ():
                    _check_value(argument.value)
                if selection.selection_set is not None:
                    stack.append((selection.selection_set, level + 1))
            elif isinstance(selection, InlineFragmentNode):
                # Its fields are fields of the selection around it.
                stack.append((selection.selection_set, level))
            elif isinstance(selection, FragmentSpreadNode):
                size.spreads.append((selection.name.value, level))
    # A definition's own depth bounds the recursion of what follows.
    _refuse(DepthError, size.depth)
    return size


def _check_directives(node: Any) -> None:
    if node.directives:
        _refuse(DirectivesError, len(node.directives))


def _check_value(value: ValueNode) -> None:
    level: list[ValueNode] = [value]
    depth = 0
    while level := [part for outer in level for part in _parts(outer)]:
        depth += 1
        _refuse(ValueDepthError, depth)


def _parts(value: ValueNode) -> Iterable[ValueNode]:
    if isinstance(value, ListValueNode):
        return value.values
    if isinstance(value, ObjectValueNode):
        return [part.value for part in value.fields]
    return ()


def _write_out(
    size: _Size, fragments: Mapping[str, _Size], known: dict[str, _Whole], inside: frozenset[str]
) -> _Whole:
    fields, root_fields, depth = size.fields, size.root_fields, size.depth
    for name, level in size.spreads:
        if name in inside:
            raise DocumentInvalidError(f"The fragment `{name}` uses itself.", mend="Write its fields out.")
        if name not in fragments:
            continue  # refused by validation
        if name not in known:
            known[name] = _write_out(fragments[name], fragments, known, inside | {name})
        part = known[name]
        fields = min(fields + part.fields, _CAP)
        root_fields = min(root_fields + (part.root_fields if level == 1 else 0), _CAP)
        depth = max(depth, level - 1 + part.depth)
    return _Whole(fields, root_fields, depth)


def _count_pairs(operation: _Definition, fragments: Mapping[str, FragmentDefinitionNode]) -> int:
    """Pairs of fields that have the same place in the answer: what validation compares with each other."""
    pairs = 0
    places = [[operation.selection_set]]
    while places:
        counts: Counter[str] = Counter()
        below: dict[str, list[SelectionSetNode]] = {}
        here = places.pop()
        while here:
            for selection in here.pop().selections:
                if isinstance(selection, FieldNode):
                    name = (selection.alias or selection.name).value
                    counts[name] += 1
                    if selection.selection_set is not None:
                        below.setdefault(name, []).append(selection.selection_set)
                elif isinstance(selection, InlineFragmentNode):
                    here.append(selection.selection_set)
                elif isinstance(selection, FragmentSpreadNode) and selection.name.value in fragments:
                    here.append(fragments[selection.name.value].selection_set)
        pairs += sum(count * (count - 1) // 2 for count in counts.values())
        places += below.values()
    return pairs
