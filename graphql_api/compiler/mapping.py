"""What a GraphQL type says of itself, once: its table, its row scope, and what each field is in SQL.

`graphql_api.fields` makes the declarations, as metadata of the fields; resolvers and the compiler both read them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from graphql import GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from sqlalchemy import ColumnElement, FromClause, Table, and_
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from graphql_api.compiler.binding import Bind
from graphql_api.compiler.errors import MappingError
from tarazu.paging import Order
from tarazu.security.permissions import Permission
from tarazu.security.row_scope import ScopeValues

Columns = ReadOnlyColumnCollection[str, Any]
METADATA_KEY: Final = "tarazu"
MAPPING_ATTRIBUTE: Final = "__mapping__"


@dataclass(frozen=True, slots=True)
class Values:
    """What every statement may use beside its arguments, as bound values."""

    scope: ScopeValues
    today: ColumnElement[Any]


Scope = Callable[[Columns, ScopeValues], ColumnElement[bool] | None]
Expression = Callable[[Columns, Values], ColumnElement[Any]]
Join = Callable[[Columns, Columns, Values], ColumnElement[bool]]
"""Columns of the parent, columns of the target: whether the target belongs to the parent."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A permission that a field needs beyond that of its type."""

    permission: Permission
    otherwise_null: bool = False
    """Whether those without it get null instead of a refusal."""
    is_personal: bool = False
    """Whether its reading is written to the audit log."""


@dataclass(frozen=True, slots=True)
class Column:
    """A field that is a column of the row; without a name, the one named like the field."""

    name: str
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Computed:
    """A field that is an SQL expression over the row; `python` says the same of a row, where resolvers do."""

    expression: Expression
    python: Callable[[Any], Any]
    guard: Guard | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Relation:
    """How rows of `target` belong to a row. `local` names the columns of the parent that `join` looks at."""

    target: type[Any]
    local: tuple[str, ...]
    join: Join


@dataclass(frozen=True, slots=True)
class One:
    """A field that is one related row, or null."""

    relation: Relation
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A field that is all related rows; only for rows that are few by nature."""

    relation: Relation
    order: Order
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Elements:
    """A field that is the elements of a JSON array in a column of the row."""

    column: str
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Many:
    """A field that is a connection to the related rows."""

    relation: Relation
    order: Order
    reader: Reader
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """The global id of a node."""

    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class RootOne:
    """A root field that is one row, or null."""

    reader: Reader
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class RootMany:
    """A root field that is a connection."""

    reader: Reader
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class RootRows:
    """A root field that is the rows of a statement of its own: an aggregate."""

    reader: Reader
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class RootNode:
    """`node(id)`: the row of a global id, of whichever type."""

    reader: Reader
    guard: Guard | None = None


@dataclass(frozen=True, slots=True)
class ResolvedOnly:
    """A field that no statement can answer."""

    guard: Guard | None = None


FieldMapping = (
    Column
    | Computed
    | One
    | Listed
    | Elements
    | Many
    | Identity
    | RootOne
    | RootMany
    | RootRows
    | RootNode
    | ResolvedOnly
)


class Reader(Protocol):
    """Reads a field's arguments into a shape, which decides the SQL, and the values, which are bound."""

    def read(self, arguments: Mapping[str, Any], limits: ReadingLimits) -> tuple[Any, tuple[Any, ...]]:
        """`arguments` by their Python names, as a resolver would get them. Raises InputError."""
        ...

    def source(self, shape: Any, bind: Bind, values: Values, row: RowType) -> Source:
        """The rows of that shape."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """The rows that a field is about."""

    rows: FromClause
    """An alias of the type's table, or the aggregate's own statement."""
    conditions: tuple[ColumnElement[bool], ...] = ()
    order: Order | None = None
    first: int | None = None
    after: tuple[ColumnElement[Any], ...] | None = None


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What arguments are held against."""

    page_size_max: int
    today: Any
    permissions: frozenset[Permission]


@dataclass(frozen=True, slots=True)
class RowType:
    """What the rows of a type are. Without a model they come from a statement of a root field's own."""

    model: type[Any] | None
    scope: Scope
    requires: Permission | None
    keys: tuple[str, ...] = ()
    """The columns of the key in the global id, for types that are nodes."""

    @property
    def table(self) -> Table | None:
        return None if self.model is None else self.model.__table__


@dataclass(frozen=True, slots=True)
class TypeMapping:
    """A compiled type: its rows, and its fields by their GraphQL names."""

    name: str
    row: RowType
    fields: Mapping[str, FieldMapping] = field(default_factory=dict)


Types = Mapping[str, TypeMapping]


def read_types(schema: GraphQLSchema) -> Types:
    """The mappings of all types of a schema. Raises MappingError for what is missing: a scope, a field."""
    found: dict[str, TypeMapping] = {}
    query = schema.query_type
    assert query is not None
    for name, graphql_type in schema.type_map.items():
        if not isinstance(graphql_type, GraphQLObjectType) or graphql_type is query or name.startswith("__"):
            continue
        row = getattr(_origin(graphql_type), MAPPING_ATTRIBUTE, None)
        if row is None:
            continue
        if not isinstance(row, RowType):
            raise MappingError(f"The type {name} has no row scope.", mend="Declare `scope=` with the type.")
        found[name] = TypeMapping(name, row, _fields_of(graphql_type))
    return found


def root_fields(schema: GraphQLSchema) -> Mapping[str, FieldMapping]:
    """The mappings of the root fields of reads."""
    assert schema.query_type is not None
    return _fields_of(schema.query_type)


def _fields_of(graphql_type: GraphQLObjectType | GraphQLInterfaceType) -> dict[str, FieldMapping]:
    fields: dict[str, FieldMapping] = {}
    for name, definition in graphql_type.fields.items():
        strawberry_field = definition.extensions.get("strawberry-definition")
        mapped = strawberry_field.metadata.get(METADATA_KEY) if strawberry_field is not None else None
        if mapped is None:
            raise MappingError(
                f"The field {graphql_type.name}.{name} does not say what it is in SQL.",
                mend="Declare it with a function of graphql_api.fields.",
            )
        fields[name] = (
            Column(strawberry_field.python_name, mapped.guard)
            if isinstance(mapped, Column) and not mapped.name
            else mapped
        )
    return fields


def _origin(graphql_type: GraphQLObjectType) -> type:
    origin: type = graphql_type.extensions["strawberry-definition"].origin
    return origin


def relation(attribute: InstrumentedAttribute[Any]) -> Relation:
    """The relation that a SQLAlchemy relationship declares."""
    pairs = [(own.name, other.name) for own, other in attribute.property.local_remote_pairs]

    def join(parent: Columns, target: Columns, _values: Values) -> ColumnElement[bool]:
        return and_(*(target[other] == parent[own] for own, other in pairs))

    return Relation(attribute.property.mapper.class_, tuple(own for own, _ in pairs), join)


def by_key(name: str, target: type[Any]) -> Relation:
    """The row of `target` whose id stands in the column `name`; for rows that are no table's."""
    return Relation(target, (name,), lambda parent, other, _: other.id == parent[name])
