"""The schema is what is committed, and explains itself."""

from __future__ import annotations

from collections.abc import Iterator

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    build_schema,
)
from sqlalchemy import literal

from graphql_api.compiler.mapping import Column, Computed, Guard, TypeMapping, Values, read_types
from graphql_api.fields import PERSONAL
from graphql_api.schema import SDL_FILE, print_sdl, schema
from tarazu.security.permissions import Permission
from tarazu.security.row_scope import ScopeValues

BUILT_IN = {"Boolean", "Float", "ID", "Int", "String"}


def types() -> Iterator[tuple[str, object]]:
    graph = build_schema(schema.as_str())
    for name, kind in graph.type_map.items():
        if not name.startswith("__") and name not in BUILT_IN:
            yield name, kind


def test_committed_sdl_is_the_schema() -> None:
    assert SDL_FILE.read_text("utf-8") == print_sdl(), (
        "run: python -m graphql_api.schema > graphql_api/schema.graphql"
    )


def test_every_type_field_and_argument_says_what_it_means() -> None:
    silent = []
    for name, kind in types():
        assert isinstance(
            kind,
            GraphQLObjectType
            | GraphQLInterfaceType
            | GraphQLInputObjectType
            | GraphQLEnumType
            | GraphQLScalarType
            | GraphQLUnionType,
        )
        if not kind.description:
            silent.append(name)
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
            for field_name, field in kind.fields.items():
                if not field.description:
                    silent.append(f"{name}.{field_name}")
                silent += [
                    f"{name}.{field_name}({argument_name})"
                    for argument_name, argument in getattr(field, "args", {}).items()
                    if not argument.description
                ]
    assert silent == []


def test_units_stand_in_names_of_amounts_and_energies() -> None:
    for name, kind in types():
        if isinstance(kind, GraphQLObjectType):
            for field_name, field in kind.fields.items():
                rial = str(field.type).rstrip("!") == "Rial"
                assert rial == field_name.endswith("Rial"), f"{name}.{field_name}"


def test_every_gregorian_date_has_a_jalali_twin() -> None:
    for name, kind in types():
        if isinstance(kind, GraphQLObjectType):
            for field_name, field in kind.fields.items():
                if str(field.type).rstrip("!") == "Date":
                    assert f"{field_name}Jalali" in kind.fields, f"{name}.{field_name}"


PERSONAL_COLUMNS = {"national_id", "legal_entity_id", "mobile", "bill_id", "address", "latitude", "longitude"}


def unguarded(mapped: TypeMapping, columns: frozenset[str] | set[str]) -> list[str]:
    """Fields that show one of these columns of their row to those without the permission for personal data."""
    return [
        f"{mapped.name}.{name}"
        for name, field in mapped.fields.items()
        if isinstance(field, Column) and field.name in columns and field.guard != PERSONAL
    ]


def test_nothing_personal_is_offered_unguarded() -> None:
    mapped = read_types(schema._schema)
    assert [name for each in mapped.values() for name in unguarded(each, PERSONAL_COLUMNS)] == []
    # Of customers, who may be people, the name too.
    assert unguarded(mapped["Customer"], {"name"}) == []
    # What computes with such a column masks it.
    for each in mapped.values():
        for name, field in each.fields.items():
            if isinstance(field, Computed) and each.row.table is not None and field.guard != PERSONAL:
                sql = str(field.expression(each.row.table.c, Values(ScopeValues(), literal(None))))
                shown = {column for column in PERSONAL_COLUMNS if f"{each.row.table.name}.{column}" in sql}
                assert not shown or name.endswith("Masked"), f"{each.name}.{name}"
    assert PERSONAL.is_personal
    assert PERSONAL.otherwise_null


def test_an_unguarded_personal_field_would_be_seen() -> None:
    row = read_types(schema._schema)["Customer"].row
    for guard in (None, Guard(Permission.READ_CUSTOMERS), Guard(Permission.READ_PERSONAL_DATA)):
        open_field = TypeMapping("Customer", row, {"mobile": Column("mobile", guard)})
        assert unguarded(open_field, PERSONAL_COLUMNS) == ["Customer.mobile"]


def test_masks_are_offered_beside_what_they_hide() -> None:
    offered = {
        field_name for _, kind in types() if isinstance(kind, GraphQLObjectType) for field_name in kind.fields
    }
    assert not offered & {"raw", "valueRaw"}
    assert {"nationalIdMasked", "legalEntityIdMasked", "mobileMasked", "billIdMasked"} <= offered
