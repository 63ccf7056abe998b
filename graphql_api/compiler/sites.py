"""The places of a document where values come in: fields with arguments, and the conditions of `@skip`, `@include`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from graphql import (
    BooleanValueNode,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLField,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Undefined,
    VariableNode,
    Visitor,
    visit,
)
from graphql.execution.values import VariableValues, get_argument_values
from strawberry import Schema
from strawberry.types.arguments import convert_arguments

from graphql_api.compiler.mapping import METADATA_KEY, Reader, ReadingLimits
from graphql_api.naming import camel
from tarazu.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A field of the document whose arguments decide SQL or values."""

    node: FieldNode
    definition: GraphQLField
    reader: Reader
    is_constant: bool
    """Whether no variable stands in its arguments."""
    schema: Schema
    plain: PlainArguments | None = None
    """The arguments where all of them are variables of scalars: converting these changes nothing, and is a tenth of a
    small read's time."""

    def read(self, variables: VariableValues, limits: ReadingLimits) -> SiteValues:
        try:
            shape, values = self.reader.read(self._arguments(variables), limits)
        except (InputError, GraphQLError) as error:
            return SiteValues(_WRONG, (), error)
        return SiteValues(shape, values)

    def _arguments(self, variables: VariableValues) -> Mapping[str, Any]:
        """By their Python names, as a resolver would get them."""
        if self.plain is not None:
            coerced = variables.coerced
            if all(each.variable in coerced for each in self.plain.given):
                given = {each.name: coerced[each.variable] for each in self.plain.given}
                # Whether a null may stand there, the library judges.
                if all(given[each.name] is not None or each.is_nullable for each in self.plain.given):
                    return self.plain.defaults | given
        return self._converted(variables)

    def _converted(self, variables: VariableValues) -> Mapping[str, Any]:
        given = get_argument_values(self.definition, self.node, variables, hide_suggestions=True)
        return convert_arguments(
            given,
            self.definition.extensions["strawberry-definition"].arguments,
            scalar_registry=self.schema.schema_converter.scalar_registry,
            config=self.schema.config,
        )


class Plain(NamedTuple):
    """An argument that is a variable: its name in Python, the variable's, and whether null may stand there."""

    name: str
    variable: str
    is_nullable: bool


class PlainArguments(NamedTuple):
    given: tuple[Plain, ...]
    defaults: dict[str, Any]
    """Of the arguments that are left out, by their Python names."""


def plain_arguments(node: FieldNode, definition: GraphQLField) -> PlainArguments | None:
    """None where an argument is no variable of a scalar."""
    names = {
        each.graphql_name or camel(each.python_name): each.python_name
        for each in definition.extensions["strawberry-definition"].arguments
    }
    found = []
    for argument in node.arguments or ():
        kind = definition.args[argument.name.value].type
        is_nullable = not isinstance(kind, GraphQLNonNull)
        scalar = kind if is_nullable else kind.of_type  # type: ignore[union-attr]  # non-null types have it
        if not isinstance(argument.value, VariableNode) or getattr(scalar, "name", "") not in _PLAIN_SCALARS:
            return None
        found.append(Plain(names[argument.name.value], argument.value.name.value, is_nullable))
    left_out = definition.args.keys() - {argument.name.value for argument in node.arguments or ()}
    defaults = {
        names[name]: definition.args[name].default_value
        for name in left_out
        if definition.args[name].default_value is not Undefined
    }
    return PlainArguments(tuple(found), defaults)


_PLAIN_SCALARS: Final = frozenset({"Int", "Float", "String", "Boolean", "ID", "Long", "Rial"})


@dataclass(frozen=True, slots=True)
class SiteValues:
    """What a site came to. An error counts only where the field is not skipped."""

    shape: Any
    values: tuple[Any, ...]
    error: Exception | None = None


_WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Sites:
    """All sites of an operation and the fragments it may spread."""

    document: DocumentNode
    operation: OperationDefinitionNode
    all: tuple[Site, ...]
    number_of: Mapping[int, int]
    """By the identity of the field's node in the document above."""
    flags: tuple[str, ...]
    """Variables that `@skip` and `@include` look at."""


def find_sites(schema: Schema, document: DocumentNode, operation: OperationDefinitionNode) -> Sites:
    finder = _Finder(schema)
    types = finder.types
    for definition in document.definitions:
        if definition is operation or isinstance(definition, FragmentDefinitionNode):
            visit(definition, TypeInfoVisitor(types, finder))
    return Sites(
        document,
        operation,
        tuple(finder.found),
        {id(site.node): number for number, site in enumerate(finder.found)},
        tuple(sorted(finder.flags)),
    )


class _Finder(Visitor):
    def __init__(self, schema: Schema) -> None:
        super().__init__()
        self.schema = schema
        self.types = TypeInfo(graphql_schema(schema))
        self.found: list[Site] = []
        self.flags: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        definition = self.types.get_field_def()
        strawberry_field = definition.extensions.get("strawberry-definition") if definition else None
        if definition is None or strawberry_field is None:
            return
        reader = getattr(strawberry_field.metadata.get(METADATA_KEY), "reader", None)
        if reader is not None:
            self.found.append(
                Site(
                    node,
                    definition,
                    reader,
                    not _has_variable(node),
                    self.schema,
                    plain_arguments(node, definition),
                )
            )

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        if node.name.value in ("skip", "include"):
            self.flags |= {
                argument.value.name.value
                for argument in node.arguments or ()
                if isinstance(argument.value, VariableNode)
            }


def _has_variable(node: FieldNode) -> bool:
    found = False

    class _Look(Visitor):
        def enter_variable(self, *_: Any) -> None:
            nonlocal found
            found = True

    for argument in node.arguments or ():
        visit(argument, _Look())
    return found


def is_included(directives: Sequence[DirectiveNode], variables: Mapping[str, Any]) -> bool:
    """What `@skip(if:)` and `@include(if:)` say. Validation has made sure that they have a boolean."""
    for directive in directives:
        name = directive.name.value
        if name not in ("skip", "include"):
            continue
        (argument,) = directive.arguments or ()
        value = argument.value
        if isinstance(value, BooleanValueNode):
            flag = value.value
        else:
            assert isinstance(value, VariableNode)
            flag = bool(variables.get(value.name.value))
        if flag == (name == "skip"):
            return False
    return True


def graphql_schema(schema: Schema) -> GraphQLSchema:
    """graphql-core's schema in strawberry's."""
    return schema._schema  # noqa: SLF001  # strawberry has no public way to it
