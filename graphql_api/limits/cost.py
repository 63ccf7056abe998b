"""What an operation costs, computed from its document and the sizes of its pages before it runs.

The cost bounds the rows that the answer can hold (see `weights.yaml`): fragments on several types count together,
and a page counts as full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from weakref import WeakKeyDictionary

from graphql import (
    BooleanValueNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    SelectionSetNode,
    ValueNode,
    VariableNode,
    get_named_type,
    is_list_type,
    is_non_null_type,
)

from graphql_api.documents import Document
from graphql_api.limits.cache import WeightedCache
from graphql_api.limits.weights import Weights
from graphql_api.refusals import RefusedError

# Products stop here; far above any limit, far below where integers get slow.
_CAP: Final = 10**15
_VALUES_REMEMBERED: Final = 50

_PAGE_SIZE_ARGUMENT: Final = "first"
# The parts of a connection that are not objects of the answer's own.
_WRAPPERS: Final = frozenset({"edges", "pageInfo"})
_COUNT_FIELD: Final = "totalCount"


class CostError(RefusedError):
    """The operation costs more than one operation may."""

    code = "graphql.limit.cost"

    def __init__(self, cost: Cost) -> None:
        super().__init__(
            f"The operation costs {cost.total:,}; one operation may cost {cost.limit:,}.",
            mend="Ask for smaller pages (`first`) or fewer lists within lists.",
        )
        self.cost = cost


@dataclass(frozen=True, slots=True)
class Cost:
    total: int
    limit: int


# A number of the document, or the name of the variable that it comes from.
_Size = int | str


@dataclass(frozen=True, slots=True)
class _Part:
    """`weight + size × children`, where all `conditions` (variable, value wanted) hold."""

    weight: int
    size: _Size
    size_max: int
    children: tuple[_Part, ...]
    conditions: tuple[tuple[str, bool], ...]

    def value(self, variables: Mapping[str, Any]) -> int:
        if any(bool(variables.get(name)) is not wanted for name, wanted in self.conditions):
            return 0
        if not self.children:
            return self.weight
        size = self.size if isinstance(self.size, int) else variables.get(self.size)
        # A size that is refused later (negative, null) need not be charged.
        size = min(max(size, 0), self.size_max) if isinstance(size, int) else self.size_max
        return min(self.weight + size * sum(part.value(variables) for part in self.children), _CAP)


@dataclass(frozen=True, slots=True)
class _Plan:
    parts: tuple[_Part, ...]
    variables: tuple[str, ...]
    """Those that the cost depends on."""
    known: WeightedCache[tuple[Any, ...], int]


class Costs:
    """Computes costs for one schema. `limit` is what one operation may cost."""

    def __init__(self, schema: GraphQLSchema, weights: Weights, *, limit: int) -> None:
        weights.check(schema)
        self.limit = limit
        self._schema = schema
        self._weights = weights
        # Plans live as long as their documents are remembered.
        self._plans: WeakKeyDictionary[Document, _Plan] = WeakKeyDictionary()

    def charge(self, document: Document, variables: Mapping[str, Any]) -> Cost:
        """`variables` are the coerced ones. Raises CostError."""
        plan = self._plans.get(document)
        if plan is None:
            plan = self._plans[document] = self._plan(document)
        values = tuple(variables.get(name) for name in plan.variables)
        total = plan.known.get(values)
        if total is None:
            total = min(sum(part.value(variables) for part in plan.parts), _CAP)
            plan.known.put(values, total)
        cost = Cost(total, self.limit)
        if total > self.limit:
            raise CostError(cost)
        return cost

    def _plan(self, document: Document) -> _Plan:
        root = self._schema.get_root_type(document.operation.operation)
        assert root is not None  # validated
        fragments = {
            definition.name.value: definition
            for definition in document.ast.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        parts = _Planner(self._schema, self._weights, fragments).selection(
            document.operation.selection_set, root
        )
        return _Plan(parts, tuple(sorted(_variables(parts))), WeightedCache(_VALUES_REMEMBERED))


def _variables(parts: Sequence[_Part]) -> set[str]:
    names: set[str] = set()
    for part in parts:
        if isinstance(part.size, str):
            names.add(part.size)
        names |= {name for name, _ in part.conditions}
        names |= _variables(part.children)
    return names


@dataclass(frozen=True, slots=True)
class _Planner:
    schema: GraphQLSchema
    weights: Weights
    fragments: Mapping[str, FragmentDefinitionNode]

    def selection(
        self,
        selection_set: SelectionSetNode,
        parent: GraphQLNamedType,
        conditions: tuple[tuple[str, bool], ...] = (),
    ) -> tuple[_Part, ...]:
        parts: list[_Part] = []
        for selection, kind, when in self._fields(selection_set, parent, conditions):
            part = self._field(selection, kind, when)
            if part is not None:
                parts.append(part)
        return tuple(parts)

    def _fields(
        self,
        selection_set: SelectionSetNode,
        parent: GraphQLNamedType,
        conditions: tuple[tuple[str, bool], ...],
    ) -> list[tuple[FieldNode, GraphQLNamedType, tuple[tuple[str, bool], ...]]]:
        """The fields with fragments written out, each with its type and the conditions of `@skip`, `@include`."""
        found = []
        for selection in selection_set.selections:
            when = _conditions(selection)
            if when is None:
                continue
            when = conditions + when
            if isinstance(selection, FieldNode):
                found.append((selection, parent, when))
                continue
            if isinstance(selection, InlineFragmentNode):
                condition, inner = selection.type_condition, selection.selection_set
            else:
                fragment = self.fragments[selection.name.value]  # type: ignore[attr-defined]  # the third and last kind
                condition, inner = fragment.type_condition, fragment.selection_set
            kind = parent if condition is None else self.schema.type_map[condition.name.value]
            found += self._fields(inner, kind, when)
        return found

    def _field(
        self, node: FieldNode, parent: GraphQLNamedType, conditions: tuple[tuple[str, bool], ...]
    ) -> _Part | None:
        name = node.name.value
        if name.startswith("__") or node.selection_set is None:
            return None
        field = parent.fields[name]  # type: ignore[attr-defined]  # a type with fields, or it were not valid
        place = f"{parent.name}.{name}"
        kind = get_named_type(field.type)
        weight = 1 + self.weights.roots.get(place, 0)
        if _is_connection(kind):
            return self._connection(node, field, kind, place, weight, conditions)
        inner = self.selection(node.selection_set, kind)
        if not _is_list(field):
            return _Part(weight, 1, 1, inner, conditions)
        # The objects of the list stand inside of it.
        size = self.weights.sizes.get(place, self.weights.default_size)
        return _Part(weight - 1, size, size, (_Part(1, 1, 1, inner, ()),), conditions)

    def _connection(
        self,
        node: FieldNode,
        field: GraphQLField,
        kind: GraphQLObjectType,
        place: str,
        weight: int,
        conditions: tuple[tuple[str, bool], ...],
    ) -> _Part:
        assert node.selection_set is not None
        outside: list[_Part] = []
        rows: list[_Part] = []
        for selection, _, when in self._fields(node.selection_set, kind, ()):
            name = selection.name.value
            if name == _COUNT_FIELD:
                is_root = place in self.weights.roots
                count = self.weights.root_count if is_root else self.weights.nested_count
                outside.append(_Part(count, 1, 1, (), when))
            elif name == "edges" and selection.selection_set is not None:
                edge = get_named_type(kind.fields["edges"].type)
                # Without a node in it, an edge is read all the same.
                inner = self.selection(selection.selection_set, edge) or (_Part(1, 1, 1, (), ()),)
                rows.append(_Part(0, 1, 1, inner, when))
            elif name not in _WRAPPERS and (other := self._field(selection, kind, when)) is not None:
                outside.append(other)
        size, size_max = self._page_size(node, field, place)
        page = _Part(0, size, size_max, tuple(rows), ())
        return _Part(weight, 1, 1, (*outside, page), conditions)

    def _page_size(self, node: FieldNode, field: GraphQLField, place: str) -> tuple[_Size, int]:
        size_max = self.weights.sizes.get(place, _CAP)
        given = next(
            (part.value for part in node.arguments or () if part.name.value == _PAGE_SIZE_ARGUMENT), None
        )
        if isinstance(given, IntValueNode):
            return int(given.value), size_max
        if isinstance(given, VariableNode):
            return given.name.value, size_max
        return _default_page_size(field) or self.weights.default_size, size_max


def _default_page_size(field: GraphQLField) -> int | None:
    argument = field.args.get(_PAGE_SIZE_ARGUMENT)
    if argument is None:
        return None
    # strawberry gives the default as a value, graphql-core's newer way holds it in an object.
    value = argument.default.value if argument.default is not None else argument.default_value
    return value if isinstance(value, int) else None


def _is_connection(kind: Any) -> bool:
    return isinstance(kind, GraphQLObjectType) and kind.fields.keys() >= _WRAPPERS


def _is_list(field: GraphQLField) -> bool:
    kind: Any = field.type
    while is_non_null_type(kind):
        kind = kind.of_type
    return is_list_type(kind)


def _conditions(node: Any) -> tuple[tuple[str, bool], ...] | None:
    """What must hold for the node to be in the answer; None where it never is."""
    found: list[tuple[str, bool]] = []
    for directive in node.directives or ():
        if directive.name.value not in ("skip", "include"):
            continue
        wanted = directive.name.value == "include"
        value: ValueNode = directive.arguments[0].value
        if isinstance(value, BooleanValueNode):
            if value.value is not wanted:
                return None
        elif isinstance(value, VariableNode):
            found.append((value.name.value, wanted))
    return tuple(found)
