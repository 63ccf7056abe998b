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

from graphql_api.schema import SDL_FILE, print_sdl, schema

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


def test_nothing_personal_is_offered_unmasked() -> None:
    offered = {
        field_name for _, kind in types() if isinstance(kind, GraphQLObjectType) for field_name in kind.fields
    }
    assert not offered & {"nationalId", "legalEntityId", "mobile", "billId", "raw", "value_raw"}
    assert {"nationalIdMasked", "legalEntityIdMasked", "mobileMasked", "billIdMasked"} <= offered
