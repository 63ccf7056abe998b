"""Statements kept under what decides them: the document, the shape of its variables, and what who asks may see."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from graphql import DocumentNode, OperationDefinitionNode
from graphql.execution.values import VariableValues
from strawberry import Schema

from graphql_api.compiler.errors import NotCompilableError
from graphql_api.compiler.mapping import ReadingLimits, read_types, root_fields
from graphql_api.compiler.nodes import Plan, Root
from graphql_api.compiler.plan import Planner
from graphql_api.compiler.sites import Sites, SiteValues, find_sites, graphql_schema
from graphql_api.compiler.sql import DISTRICTS, SECTORS, TODAY, Builder, shared_values
from graphql_api.compiler.statement import Statement, render
from tarazu.security.principal import Principal

_DOCUMENTS_KEPT: Final = 1_000
_STATEMENTS_KEPT: Final = 2_000
_SHARED: Final = frozenset({TODAY, DISTRICTS, SECTORS})

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Compiled:
    """All statements of an operation, or why there are none."""

    plan: Plan
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """One root field with its statement and the values of this request."""

    root: Root
    text: str
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Read:
    """A request's operation, ready to be sent."""

    calls: tuple[Call, ...]
    personal_fields: tuple[str, ...]


class Compiler:
    """Compiles the reads of one schema."""

    def __init__(self, schema: Schema) -> None:
        """Raises MappingError where a type has no scope or a field no meaning."""
        self.schema = schema
        self.graphql_schema = graphql_schema(schema)
        self.types = read_types(self.graphql_schema)
        self.root_mappings = root_fields(self.graphql_schema)
        self._documents: _Kept[Sites] = _Kept(_DOCUMENTS_KEPT)
        self._constants: _Kept[dict[int, SiteValues]] = _Kept(_DOCUMENTS_KEPT)
        self._compiled: _Kept[Compiled | NotCompilableError] = _Kept(_STATEMENTS_KEPT)

    def read(
        self,
        key: Hashable,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: VariableValues,
        principal: Principal,
        limits: ReadingLimits,
    ) -> Read:
        """The statements and values of an operation; `key` names the document and the operation.

        Raises GraphQLError (forbidden, wrong arguments) and NotCompilableError.
        """
        sites = self._documents.get(key)
        if sites is None:
            sites = self._documents.keep(key, find_sites(self.schema, document, operation))
        site_values = self._site_values(key, sites, variables, limits)
        coerced = variables.coerced
        scope = principal.scope
        shape = (
            key,
            principal.permissions,
            scope.district_ids is None,
            scope.sectors is None,
            tuple(bool(coerced.get(name)) for name in sites.flags),
            tuple(given.shape for given in site_values),
        )
        compiled = self._compiled.get(shape)
        if compiled is None:
            compiled = self._compile(sites, site_values, coerced, principal)
            self._compiled.keep(shape, compiled)
        if isinstance(compiled, NotCompilableError):
            raise compiled
        shared = {
            TODAY: limits.today,
            DISTRICTS: None if scope.district_ids is None else sorted(scope.district_ids),
            SECTORS: None if scope.sectors is None else sorted(sector.value for sector in scope.sectors),
        }
        return Read(
            tuple(
                Call(root, statement.text, statement.bind(site_values, shared))
                for root, statement in zip(compiled.plan.roots, compiled.statements, strict=True)
            ),
            compiled.plan.personal_fields,
        )

    def _site_values(
        self, key: Hashable, sites: Sites, variables: VariableValues, limits: ReadingLimits
    ) -> list[SiteValues]:
        kept_under = (key, limits.permissions)
        constants = self._constants.get(kept_under)
        if constants is None:
            constants = {
                number: site.read(variables, limits)
                for number, site in enumerate(sites.all)
                if site.is_constant
            }
            self._constants.keep(kept_under, constants)
        return [
            constants[number] if site.is_constant else site.read(variables, limits)
            for number, site in enumerate(sites.all)
        ]

    def _compile(
        self,
        sites: Sites,
        site_values: list[SiteValues],
        variables: Mapping[str, Any],
        principal: Principal,
    ) -> Compiled | NotCompilableError:
        planner = Planner(
            self.graphql_schema,
            self.types,
            self.root_mappings,
            sites,
            site_values,
            variables,
            principal,
        )
        try:
            plan = planner.plan()
            statements = tuple(
                render(Builder(shared_values(principal.scope), site_values).statement(root), _SHARED)
                for root in plan.roots
            )
        except NotCompilableError as error:
            return error
        return Compiled(plan, statements)


class _Kept(Generic[Value]):
    """The values used last, up to a number of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable) -> Value | None:
        found = self._values.get(key)
        if found is not None:
            self._values.move_to_end(key)
        return found

    def keep(self, key: Hashable, value: Value) -> Value:
        self._values[key] = value
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value
