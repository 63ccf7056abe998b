"""Pieces that statements of the compiler are made of."""

from __future__ import annotations

from typing import Any, Final

from graphql import GraphQLEnumType
from sqlalchemy import JSON, ColumnElement, FromClause, Text, case, cast, func, literal_column, select

from graphql_api.compiler.mapping import TypeMapping
from graphql_api.ids import KEY_SEPARATOR
from tarazu.paging import Order

EMPTY_LIST: Final = literal_column("'[]'::json", JSON)


def whole(rows: Any) -> ColumnElement[Any]:
    """The row of a sub-select as one value, which `row_to_json` around it writes as an object."""
    return select(rows.table_valued()).scalar_subquery()


def order_by(order: Order, rows: FromClause) -> list[ColumnElement[Any]]:
    return [rows.c[key].desc() if order.descending else rows.c[key] for key in order.keys]


def global_id(mapped: TypeMapping, rows: FromClause) -> ColumnElement[Any]:
    """base64 of `Type:key`, as `graphql_api.ids.encode_id` writes it. Shorter than 57 bytes: no line is broken."""
    first, *rest = (cast(rows.c[name], Text) for name in mapped.row.keys)
    written = text(f"{mapped.name}:").concat(first)
    for part in rest:
        written = written.concat(text(KEY_SEPARATOR)).concat(part)
    return func.encode(func.convert_to(written, text("UTF8")), text("base64"))


def cursor(order: Order, rows: FromClause) -> ColumnElement[Any]:
    """base64url of a JSON array, as `graphql_api.cursors.encode_cursor` writes it."""
    array = cast(func.json_build_array(text(order.name), *(rows.c[key] for key in order.keys)), Text)
    encoded = func.encode(func.convert_to(array, text("UTF8")), text("base64"))
    return func.translate(encoded, literal_column(r"E'+/=\n'"), text("-_"))


def enumeration_name(value: ColumnElement[Any], enumeration: GraphQLEnumType) -> ColumnElement[Any]:
    names = {
        str(getattr(member.value, "value", member.value)): name for name, member in enumeration.values.items()
    }
    if all(name == stored.upper() for stored, name in names.items()):
        return func.upper(value)
    return case(*((value == text(stored), text(name)) for stored, name in names.items()))


def text(constant: str) -> ColumnElement[str]:
    """A constant of ours in the text of the statement; names of GraphQL and of lists hold no quote."""
    assert "'" not in constant
    assert "\\" not in constant
    return literal_column(f"'{constant}'::text", Text)
