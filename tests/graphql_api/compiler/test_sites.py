"""Arguments that are taken as they are, against those that the library converts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from graphql import GraphQLField, GraphQLNonNull, OperationDefinitionNode, Undefined, parse
from graphql.execution.values import VariableValues, get_variable_values

from graphql_api.compiler.mapping import METADATA_KEY
from graphql_api.compiler.sites import Site, find_sites
from graphql_api.schema import schema

VALUES = {"Int": 7, "String": "a", "Boolean": True, "ID": "a", "Long": 2**60, "Rial": 5, "Float": 1.5}
SCHEMA = schema._schema


def readers() -> Iterator[tuple[str, GraphQLField]]:
    assert SCHEMA.query_type is not None
    for name, definition in SCHEMA.query_type.fields.items():
        declared = definition.extensions.get("strawberry-definition")
        if declared is not None and getattr(declared.metadata.get(METADATA_KEY), "reader", None) is not None:
            yield name, definition


def asked(name: str, given: dict[str, str], values: dict[str, object]) -> tuple[Site, VariableValues]:
    """The field with the arguments given as variables of these types."""
    declared = ", ".join(f"${argument}: {kind}" for argument, kind in given.items())
    written = ", ".join(f"{argument}: ${argument}" for argument in given)
    document = parse(f"query({declared}) {{ {name}({written}) {{ __typename }} }}")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables = get_variable_values(SCHEMA, operation.variable_definitions, values)
    assert isinstance(variables, VariableValues)
    (site,) = find_sites(schema, document, operation).all
    return site, variables


def plain_of(definition: GraphQLField) -> dict[str, str]:
    """Its arguments of scalars, with their types; all that are required are among them, or there are none."""
    named = {name: each.type for name, each in definition.args.items()}
    kinds = {name: str(kind) for name, kind in named.items() if str(kind).rstrip("!") in VALUES}
    lacking = {name for name, kind in named.items() if isinstance(kind, GraphQLNonNull) and name not in kinds}
    without_default = {name for name in lacking if definition.args[name].default_value is Undefined}
    return {} if without_default else kinds


@pytest.mark.parametrize(("name", "definition"), list(readers()))
def test_plain_arguments_are_what_the_library_makes_of_them(name: str, definition: GraphQLField) -> None:
    kinds = plain_of(definition)
    required = {argument: kind for argument, kind in kinds.items() if kind.endswith("!")}
    for argument in kinds:
        given = required | {argument: kinds[argument]}
        values = {each: VALUES[kind.rstrip("!")] for each, kind in given.items()}
        site, variables = asked(name, given, values)
        assert site.plain is not None
        assert site._arguments(variables) == site._converted(variables)


def test_most_fields_have_plain_arguments() -> None:
    assert sum(bool(plain_of(definition)) for _, definition in readers()) > 15


def test_a_variable_that_is_not_given_leaves_the_default() -> None:
    site, variables = asked("debtors", {"first": "Int"}, {})
    assert site._arguments(variables) == site._converted(variables)
    assert site._arguments(variables)["first"] == 20


def test_a_null_where_none_may_stand_is_refused_as_the_library_does() -> None:
    document = parse("query($first: Int = 5) { customers(first: $first) { __typename } }")
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables = get_variable_values(SCHEMA, operation.variable_definitions, {"first": None})
    assert isinstance(variables, VariableValues)
    (site,) = find_sites(schema, document, operation).all
    with pytest.raises(Exception, match="non-null"):
        site._arguments(variables)
