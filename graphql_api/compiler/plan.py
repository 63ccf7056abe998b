"""Reads the selections of an operation as typed nodes, and holds each against the permissions of who asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLNamedType,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)
from graphql.type import is_abstract_type

from graphql_api.compiler.errors import NotCompilableError, at
from graphql_api.compiler.mapping import (
    Column,
    Computed,
    Elements,
    FieldMapping,
    Identity,
    Listed,
    Many,
    One,
    ResolvedOnly,
    RootMany,
    RootNode,
    RootOne,
    RootRows,
    Types,
)
from graphql_api.compiler.nodes import (
    EdgeCursor,
    EdgeNode,
    Edges,
    GlobalId,
    Hidden,
    Leaf,
    NestedPage,
    Page,
    PageInfoField,
    PageInfos,
    Plan,
    Related,
    Root,
    Rows,
    Selection,
    TotalCount,
    TypeName,
)
from graphql_api.compiler.sites import Sites, SiteValues, is_included
from tarazu.errors import InputError
from tarazu.security.permissions import Permission
from tarazu.security.principal import ForbiddenError, Principal

# PostgreSQL cuts names at 63 bytes, and response keys become names of columns.
_KEY_LENGTH_MAX: Final = 63
_TYPE_NAME: Final = "__typename"

Fields = dict[str, list[FieldNode]]
Path = tuple[str, ...]


@dataclass(slots=True)
class Planner:
    """Plans one operation for one principal and one set of shapes."""

    schema: GraphQLSchema
    types: Types
    root_mappings: Mapping[str, FieldMapping]
    sites: Sites
    site_values: Sequence[SiteValues]
    variables: Mapping[str, Any]
    principal: Principal
    personal: dict[str, None] = field(default_factory=dict)

    def plan(self) -> Plan:
        """Raises GraphQLError (forbidden, or an argument is wrong) and NotCompilableError."""
        query = self.schema.query_type
        assert query is not None
        roots = [
            self._root(key, nodes, query)
            for key, nodes in self._collect([self.sites.operation.selection_set], query).items()
        ]
        return Plan(tuple(roots), tuple(self.personal))

    def _root(self, key: str, nodes: list[FieldNode], query: GraphQLObjectType) -> Root:
        node = nodes[0]
        name = node.name.value
        if name == _TYPE_NAME:
            return Root(key, name, -1, None, TypeName(key, query.name), nullable=False)
        mapping = self.root_mappings.get(name)
        if mapping is None:
            raise NotCompilableError("is no read of rows", (key,))
        self._pass(mapping.guard.permission if mapping.guard else None, nodes, (key,), f"Reading `{name}`")
        site = self._site(node, (key,))
        output = query.fields[name].type
        nullable = not isinstance(output, GraphQLNonNull)
        named = get_named_type(output)
        content: Selection | Page
        match mapping:
            case RootOne() | RootRows():
                content = self._selection(nodes, named, (key,))
            case RootMany():
                content = self._page(nodes, named, (key,))
            case RootNode():
                content = self._selection(nodes, self.schema.type_map[self.site_values[site].shape], (key,))
            case _:
                raise NotCompilableError("is answered by a resolver", (key,))
        location = node.loc.start_token if node.loc else None
        return Root(
            key,
            name,
            site,
            mapping,
            content,
            nullable,
            location.line if location else 0,
            location.column if location else 0,
        )

    def _selection(self, parents: list[FieldNode], named: GraphQLNamedType, path: Path) -> Selection:
        """The fields of rows of one type. A row's own type is always known: unions have no mapping."""
        assert isinstance(named, GraphQLObjectType)
        mapped = self.types.get(named.name)
        if mapped is None:
            raise NotCompilableError(f"{named.name} has no rows", path)
        self._pass(mapped.row.requires, parents, path, f"Reading a {named.name}")
        fields: list[Any] = []
        for key, nodes in self._fields(parents, named).items():
            where = (*path, key)
            name = nodes[0].name.value
            if name == _TYPE_NAME:
                fields.append(TypeName(key, named.name))
                continue
            mapping = mapped.fields[name]
            if mapping.guard is not None and not self.principal.may(mapping.guard.permission):
                if not mapping.guard.otherwise_null:
                    self._pass(mapping.guard.permission, nodes, where, f"Reading `{named.name}.{name}`")
                fields.append(Hidden(key))
                continue
            if mapping.guard is not None and mapping.guard.is_personal:
                self.personal[f"{named.name}.{name}"] = None
            fields.append(self._field(key, nodes, mapping, named.fields[name].type, where))
        return Selection(mapped, tuple(fields))

    def _field(self, key: str, nodes: list[FieldNode], mapping: FieldMapping, output: Any, path: Path) -> Any:
        named = get_named_type(output)
        match mapping:
            case Column() | Computed():
                return Leaf(key, mapping, named if isinstance(named, GraphQLEnumType) else None)
            case Identity():
                return GlobalId(key)
            case One():
                return Related(key, mapping, self._selection(nodes, named, path))
            case Listed() | Elements():
                return Rows(key, mapping, self._selection(nodes, named, path))
            case Many():
                return NestedPage(key, mapping, self._site(nodes[0], path), self._page(nodes, named, path))
            case ResolvedOnly():
                raise NotCompilableError("is answered by a resolver", path)
            case _:
                raise NotCompilableError("is no field of a row", path)

    def _page(self, parents: list[FieldNode], connection: GraphQLNamedType, path: Path) -> Page:
        assert isinstance(connection, GraphQLObjectType)
        edge = get_named_type(connection.fields["edges"].type)
        assert isinstance(edge, GraphQLObjectType)
        node = get_named_type(edge.fields["node"].type)
        info = get_named_type(connection.fields["pageInfo"].type)
        mapped = self.types.get(node.name)
        if mapped is None:
            raise NotCompilableError(f"{node.name} has no rows", path)
        self._pass(mapped.row.requires, parents, path, f"Reading {node.name} rows")
        fields: list[Any] = []
        for key, nodes in self._fields(parents, connection).items():
            match nodes[0].name.value:
                case "edges":
                    fields.append(Edges(key, tuple(self._edge_fields(nodes, edge, node, (*path, key)))))
                case "pageInfo":
                    fields.append(PageInfos(key, tuple(self._info_fields(nodes, info))))
                case "totalCount":
                    fields.append(TotalCount(key))
                case _:
                    fields.append(TypeName(key, connection.name))
        return Page(mapped, tuple(fields))

    def _edge_fields(
        self, parents: list[FieldNode], edge: GraphQLObjectType, node: GraphQLNamedType, path: Path
    ) -> Iterator[EdgeCursor | EdgeNode | TypeName]:
        for key, nodes in self._fields(parents, edge).items():
            match nodes[0].name.value:
                case "node":
                    yield EdgeNode(key, self._selection(nodes, node, (*path, key)))
                case "cursor":
                    yield EdgeCursor(key)
                case _:
                    yield TypeName(key, edge.name)

    def _info_fields(
        self, parents: list[FieldNode], info: GraphQLNamedType
    ) -> Iterator[tuple[str, PageInfoField] | TypeName]:
        assert isinstance(info, GraphQLObjectType)
        for key, nodes in self._fields(parents, info).items():
            name = nodes[0].name.value
            yield TypeName(key, info.name) if name == _TYPE_NAME else (key, PageInfoField(name))

    def _fields(self, parents: list[FieldNode], named: GraphQLObjectType) -> Fields:
        return self._collect([parent.selection_set for parent in parents if parent.selection_set], named)

    def _collect(self, sets: Sequence[SelectionSetNode], named: GraphQLObjectType) -> Fields:
        """The fields by response key, fragments opened, what is skipped left out (GraphQL's CollectFields)."""
        fields: Fields = {}
        seen: set[str] = set()
        for selection_set in sets:
            self._open(selection_set, named, fields, seen)
        return fields

    def _open(
        self, selection_set: SelectionSetNode, named: GraphQLObjectType, fields: Fields, seen: set[str]
    ) -> None:
        for selection in selection_set.selections:
            if not is_included(selection.directives or (), self.variables):
                continue
            match selection:
                case FieldNode():
                    key = selection.alias.value if selection.alias else selection.name.value
                    if len(key) > _KEY_LENGTH_MAX:
                        raise NotCompilableError("its name is longer than a column's may be", (key,))
                    fields.setdefault(key, []).append(selection)
                case InlineFragmentNode(type_condition=condition):
                    if condition is None or self._applies(condition.name.value, named):
                        self._open(selection.selection_set, named, fields, seen)
                case FragmentSpreadNode(name=name) if name.value not in seen:
                    seen.add(name.value)
                    fragment = self._fragment(name.value)
                    if self._applies(fragment.type_condition.name.value, named):
                        self._open(fragment.selection_set, named, fields, seen)

    def _applies(self, condition: str, named: GraphQLObjectType) -> bool:
        if condition == named.name:
            return True
        wanted = self.schema.type_map[condition]
        return is_abstract_type(wanted) and self.schema.is_sub_type(wanted, named)

    def _fragment(self, name: str) -> FragmentDefinitionNode:
        for definition in self.sites.document.definitions:
            if isinstance(definition, FragmentDefinitionNode) and definition.name.value == name:
                return definition
        raise AssertionError(name)  # validation has refused it

    def _site(self, node: FieldNode, path: Path) -> int:
        number = self.sites.number_of[id(node)]
        error = self.site_values[number].error
        if isinstance(error, InputError):
            raise at(error, [node], path)
        if error is not None:
            raise error
        return number

    def _pass(self, permission: Permission | None, nodes: Sequence[FieldNode], path: Path, what: str) -> None:
        if permission is not None and not self.principal.may(permission):
            raise at(
                ForbiddenError(
                    f"{what} needs the permission `{permission.value}`.",
                    mend="Leave it out, or ask an administrator for a role that has it.",
                ),
                nodes[:1],
                path,
            )
