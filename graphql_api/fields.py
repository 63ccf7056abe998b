"""Declarations of fields: each says once what a field is, for the compiler as metadata, for resolvers as a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final

import strawberry
from graphql import get_named_type
from sqlalchemy.orm import InstrumentedAttribute
from strawberry import UNSET
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField

from graphql_api import resolving
from graphql_api.compiler.arguments import PageReader
from graphql_api.compiler.binding import valued
from graphql_api.compiler.mapping import (
    METADATA_KEY,
    Column,
    Computed,
    Elements,
    Expression,
    FieldMapping,
    Guard,
    Listed,
    Many,
    One,
    Reader,
    Relation,
    ResolvedOnly,
    RootMany,
    RootOne,
    RootRows,
    RowType,
    relation,
)
from graphql_api.connections import ConnectionOf
from graphql_api.context import Info
from graphql_api.naming import camel
from graphql_api.parameters import PAGE_PARAMETERS, PARENT, filter_parameter, parameter, with_signature
from tarazu.errors import DateError
from tarazu.filtering import Fields
from tarazu.identifiers.masking import mask
from tarazu.identifiers.masking_sql import mask_sql
from tarazu.jalali import format_jalali
from tarazu.jalali_sql import format_jalali_sql
from tarazu.paging import Order
from tarazu.security.permissions import Permission

Related = Relation | InstrumentedAttribute[Any]

PERSONAL: Final = Guard(Permission.READ_PERSONAL_DATA, otherwise_null=True, is_personal=True)
SCORES: Final = Guard(Permission.READ_SCORES, otherwise_null=True)

# What the scores of a case would tell, comparing or ordering by them would tell too.
CASE_GUARDS: Final = dict.fromkeys(
    ("confidence", "money_at_risk_rial", "energy_at_risk_kwh", "priority"), Permission.READ_SCORES
)

PERSONAL_NOTE: Final = " Personal: null without the permission `personal_data.read`; its reading is recorded."
SCORES_NOTE: Final = " Null without the permission `cases.scores`."


def resolver(
    *, description: str, graphql_type: Any = None, needs: Permission | None = None, guard: Guard | None = None
) -> Callable[[Callable[..., Any]], StrawberryField]:
    """A field that a static method resolves. No statement answers it, and the method checks what it declares.

    `needs` is the permission of a mutation, `guard` that of a field of a row.
    """
    if needs is not None:
        description = f"{description} Needs `{needs.value}`."
        guard = Guard(needs)
    decorate: Callable[[Callable[..., Any]], StrawberryField] = strawberry.field(
        description=description, graphql_type=graphql_type, metadata={METADATA_KEY: ResolvedOnly(guard)}
    )
    return decorate


class _ReadableRow(FieldExtension):
    """Refuses a row of a type that the principal may not read, however it was come by."""

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **arguments: Any) -> Any:
        row_type(info)
        return next_(source, info, **arguments)


def changed_row(description: str, graphql_type: Any) -> Any:
    """A row in the payload of a mutation: who may change it need not be one who may read it."""
    return strawberry.field(description=description, graphql_type=graphql_type, extensions=[_ReadableRow()])


def column(description: str, *, name: str = "", guard: Guard | None = None) -> Any:
    """A column of the row; `name` where it is not called like the field, or is guarded."""
    mapping = Column(name, guard)
    if guard is None and not name:
        return strawberry.field(description=description, metadata={METADATA_KEY: mapping})
    assert name, "a guarded column is named"

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # noqa: ANN202  # its type is the field's
        return getattr(root, name) if _passes(info, guard) else None

    return _field(resolve, description, mapping)


def computed(
    expression: Expression,
    python: Callable[[Any], Any],
    description: str,
    *,
    guard: Guard | None = None,
    graphql_name: str | None = None,
) -> Any:
    """An SQL expression over the row, and the same of a row in Python."""

    def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as above
        return python(root) if _passes(info, guard) else None

    return _field(resolve, description, Computed(expression, python, guard), graphql_name)


def jalali(name: str) -> Any:
    """The twin of a date field: the same day in the Jalali calendar."""
    return computed(
        lambda columns, _: format_jalali_sql(columns[name]),
        lambda row: write_jalali(getattr(row, name)),
        f"`{camel(name)}` in the Jalali calendar, YYYY/MM/DD in ASCII digits; null where that is null or outside "
        "the Jalali years 1200–1500.",
    )


def masked(name: str, description: str) -> Any:
    """An identifier of a person as those may see it who need not know it."""
    return computed(
        lambda columns, _: mask_sql(columns[name]),
        lambda row: None if getattr(row, name) is None else mask(getattr(row, name)),
        description,
    )


def one(related: Related, description: str) -> Any:
    """The related row, or null where there is none or it is outside the scope."""
    found = _relation(related)

    async def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as above
        row = row_type(info)
        key = resolving.key_of(root, found)
        return None if key is None else await info.context.load(resolving.related_rows, key, found, row)

    return _field(resolve, description, One(found))


def listed(related: Related, order: Order, description: str) -> Any:
    """All related rows; only where they are few by nature."""
    found = _relation(related)

    async def resolve(root: strawberry.Parent[Any], info: Info):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as above
        row = row_type(info)
        key = resolving.key_of(root, found)
        if key is None:
            return []
        return await info.context.load(resolving.related_lists, key, found, row, order) or []

    return _field(resolve, description, Listed(found, order))


def elements(name: str, python: Callable[[Any], Any], description: str) -> Any:
    """The elements of a JSON array in a column; `python` makes a row of one."""

    def resolve(root: strawberry.Parent[Any]):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as above
        return [python(element) for element in getattr(root, name)]

    return _field(resolve, description, Elements(name))


def many(
    related: Related,
    order: Order,
    description: str,
    *,
    filter_type: Any = None,
    fields: Fields | None = None,
    guards: dict[str, Permission] | None = None,
) -> Any:
    """A connection to the related rows; with a filter where the type has one."""
    found = _relation(related)
    reader = PageReader({UNSET: order}, fields=fields, guards=guards or {})

    def resolve(root: Any, info: Info, **arguments: Any) -> Any:
        row = row_type(info)
        shape, values = reader.read(arguments, info.context.limits)
        key = resolving.key_of(root, found)
        assert key is not None, "a list hangs on the primary key"
        given = (found, row, reader, shape, values)
        return ConnectionOf(
            shape.order,
            shape.after is not None,
            lambda: info.context.load(resolving.related_pages, key, *given),
            lambda: info.context.load(resolving.related_counts, key, *given),
        )

    parameters = [parameter("root", PARENT), parameter("info", Info)]
    if filter_type is not None:
        parameters.append(filter_parameter(filter_type))
    return _field(
        with_signature(resolve, [*parameters, *PAGE_PARAMETERS]), description, Many(found, order, reader)
    )


def root_many(
    reader: Reader, description: str, *parameters: inspect.Parameter, guard: Guard | None = None
) -> Any:
    """A list at the root."""

    def resolve(info: Info, **arguments: Any) -> Any:
        _require(info, guard)
        row = row_type(info)
        shape, values = reader.read(arguments, info.context.limits)
        context = info.context
        source = reader.source(shape, valued(values), context.values, row)
        assert source.order is not None
        return ConnectionOf(
            source.order,
            source.after is not None,
            lambda: context.read(lambda db: resolving.source_page(db, source, row, context.values)),
            lambda: context.read(lambda db: resolving.source_count(db, source, row, context.values)),
        )

    return _field(
        with_signature(resolve, [parameter("info", Info), *parameters, *PAGE_PARAMETERS]),
        description,
        RootMany(reader, guard),
    )


def root_one(
    reader: Reader, description: str, *parameters: inspect.Parameter, guard: Guard | None = None
) -> Any:
    """A row at the root, or null."""

    async def resolve(info: Info, **arguments: Any) -> Any:
        _require(info, guard)
        rows = await _root_rows(info, reader, arguments)
        return rows[0] if rows else None

    return _field(
        with_signature(resolve, [parameter("info", Info), *parameters]), description, RootOne(reader, guard)
    )


def root_rows(
    reader: Reader, description: str, *parameters: inspect.Parameter, guard: Guard | None = None
) -> Any:
    """The rows of an aggregate at the root."""

    async def resolve(info: Info, **arguments: Any) -> Any:
        _require(info, guard)
        return await _root_rows(info, reader, arguments)

    return _field(
        with_signature(resolve, [parameter("info", Info), *parameters]), description, RootRows(reader, guard)
    )


def row_type(info: Info) -> RowType:
    """The rows that the field under way returns; refused where the principal may not read them."""
    # Any: graphql-core's named types have fields or not.
    named: Any = get_named_type(info._raw_info.return_type)  # noqa: SLF001  # Info has no public way to it
    if "edges" in getattr(named, "fields", {}):
        edge: Any = get_named_type(named.fields["edges"].type)
        named = get_named_type(edge.fields["node"].type)
    row = info.context.types[named.name].row
    if row.requires is not None:
        info.context.principal.require(row.requires)
    return row


async def _root_rows(info: Info, reader: Reader, arguments: dict[str, Any]) -> list[Any]:
    row = row_type(info)
    context = info.context
    shape, values = reader.read(arguments, context.limits)
    source = reader.source(shape, valued(values), context.values, row)
    return await context.read(lambda db: resolving.source_rows(db, source, row, context.values))


def _passes(info: Info, guard: Guard | None) -> bool:
    """Whether the field may be shown; raises ForbiddenError where null would not do."""
    if guard is None:
        return True
    if info.context.principal.may(guard.permission):
        if guard.is_personal:
            raw = info._raw_info  # noqa: SLF001  # Info has no public way to it
            info.context.personal_fields[f"{raw.parent_type.name}.{raw.field_name}"] = None
        return True
    if not guard.otherwise_null:
        info.context.principal.require(guard.permission)
    return False


def _require(info: Info, guard: Guard | None) -> None:
    if guard is not None:
        info.context.principal.require(guard.permission)


def _relation(related: Related) -> Relation:
    return related if isinstance(related, Relation) else relation(related)


def _field(
    resolve: Callable[..., Any], description: str, mapping: FieldMapping, name: str | None = None
) -> Any:
    return strawberry.field(
        resolver=resolve, description=description, name=name, metadata={METADATA_KEY: mapping}
    )


def write_jalali(date: Any) -> str | None:
    if date is None:
        return None
    try:
        return format_jalali(date)
    except DateError:
        return None
