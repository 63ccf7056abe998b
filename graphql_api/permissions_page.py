"""The permission matrix: who may do what, made from the declarations of the types and from `roles.yaml`.

`python -m graphql_api.permissions_page docs/reference/permissions.md` writes it; tests compare what is committed, and ask the
API every line of it as every role.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from graphql import GraphQLObjectType, get_named_type

from graphql_api.compiler.arguments import PageReader
from graphql_api.compiler.mapping import (
    METADATA_KEY,
    FieldMapping,
    Guard,
    Many,
    RootMany,
    RootNode,
    RootRows,
    Types,
    read_types,
)
from graphql_api.compiler.sites import graphql_schema
from graphql_api.naming import camel
from graphql_api.schema import schema
from tarazu.security.permissions import Permission, Role
from tarazu.security.roles import role_policies

_ROLES: Final = tuple(Role)
# `node` reads whatever its id names.
BY_TYPE: Final = "that of the type"
YES: Final = "yes"
NO: Final = "–"


def render_permissions() -> str:
    """The whole page, as Markdown."""
    types = read_types(graphql_schema(schema))
    lines = [
        "# Permissions",
        "",
        "<!-- Made from the declarations by `python -m graphql_api.permissions_page docs/reference/permissions.md`; do not edit. -->",
        "",
        (
            "What each role may ask of the API. A permission that is missing refuses the operation (`access.forbidden`; a "
            "mutation answers `ForbiddenError`), except where a field is null instead. The scope of whoever asks, districts "
            "and sectors, applies besides: a row outside it is null, left out of lists, counts and sums, or a "
            "`NotFoundError`, as if it did not exist. Without a token nothing but `/livez` and `/readyz` answers; "
            "`/auth/login` gives one, and `/metrics` has a token of its own or answers the machine itself."
        ),
        "",
        "## Root fields",
        "",
        *_table("field", _root_lines(types)),
        "",
        "## Types",
        "",
        "Rows of a type need this wherever they are reached: from the root, from another row, in the answer of a mutation.",
        "",
        *_table("type", ((f"`{name}`", each.row.requires) for name, each in sorted(types.items()))),
        "",
        "## Fields",
        "",
        "These need a permission besides that of their type; without it they are null.",
        "",
        *_table("field", _guarded_fields(types)),
        "",
        "## Arguments",
        "",
        "What a field would tell, comparing, ordering or searching by it would tell too: refused without the permission.",
        "",
        *_table("argument", _guarded_arguments(types)),
    ]
    return "\n".join(lines) + "\n"


def _table(what: str, lines: Iterator[tuple[str, Permission | str | None]]) -> list[str]:
    return [
        f"| {what} | needs | {' | '.join(role.value for role in _ROLES)} |",
        f"|---|---|{'---|' * len(_ROLES)}",
        *(f"| {name} | {_needs(needs)} | {' | '.join(_cells(needs))} |" for name, needs in lines),
    ]


def _needs(needs: Permission | str | None) -> str:
    match needs:
        case Permission():
            return f"`{needs.value}`"
        case str():
            return needs
    return "nothing"


def _cells(needs: Permission | str | None) -> Sequence[str]:
    if not isinstance(needs, Permission):
        return [YES] * len(_ROLES)
    return [YES if needs in role_policies()[role].permissions else NO for role in _ROLES]


def _root_lines(types: Types) -> Iterator[tuple[str, Permission | str | None]]:
    graph = graphql_schema(schema)
    for root in (graph.query_type, graph.mutation_type, graph.subscription_type):
        assert root is not None
        for name in sorted(root.fields):
            mapping = _mapping(root, name)
            row = _row_type_of(root, name)
            needs: Permission | str | None = None
            if mapping.guard is not None:
                needs = mapping.guard.permission
            elif isinstance(mapping, RootNode):
                needs = BY_TYPE
            elif row in types:
                needs = types[row].row.requires
            yield f"`{root.name}.{name}`", needs


def _guarded_fields(types: Types) -> Iterator[tuple[str, Permission]]:
    for name, mapped in sorted(types.items()):
        for field, mapping in sorted(mapped.fields.items()):
            if mapping.guard is not None:
                assert mapping.guard.otherwise_null, "the page says that these are null"
                yield f"`{name}.{field}`", mapping.guard.permission


def _guarded_arguments(types: Types) -> Iterator[tuple[str, Permission]]:
    graph = graphql_schema(schema)
    query = graph.query_type
    assert query is not None
    places: list[tuple[GraphQLObjectType, str, FieldMapping]] = [
        (query, name, _mapping(query, name)) for name in sorted(query.fields)
    ]
    for type_name, mapped in sorted(types.items()):
        graphql_type = graph.type_map[type_name]
        assert isinstance(graphql_type, GraphQLObjectType)
        places += [(graphql_type, name, each) for name, each in sorted(mapped.fields.items())]
    for graphql_type, field, mapping in places:
        place = f"{graphql_type.name}.{field}"
        if not isinstance(mapping, Many | RootMany | RootRows):
            continue
        given = graphql_type.fields[field].args.get("filter")
        compared = getattr(get_named_type(given.type), "fields", {}) if given is not None else {}
        for name, permission in getattr(mapping.reader, "guards", {}).items():
            if camel(name) in compared:
                yield f"`{place}(filter: {{{camel(name)}}})`", permission
        if isinstance(mapping.reader, PageReader):
            for order, permission in mapping.reader.order_guards.items():
                yield f"`{place}(order: {order.name})`", permission
            if mapping.reader.search is not None:
                yield f"`{place}(search)`", mapping.reader.search.requires
    # Its resolver checks it, as nothing compiles subscriptions.
    yield "`Subscription.caseFlagged(minMoneyAtRiskRial)`", Permission.READ_SCORES


def _mapping(root: GraphQLObjectType, name: str) -> FieldMapping:
    definition = root.fields[name].extensions["strawberry-definition"]
    mapping: FieldMapping = definition.metadata[METADATA_KEY]
    assert mapping.guard is None or isinstance(mapping.guard, Guard)
    return mapping


def _row_type_of(root: GraphQLObjectType, name: str) -> str:
    """The type of the rows that a field gives, in a list and a connection as well."""
    named = get_named_type(root.fields[name].type)
    if isinstance(named, GraphQLObjectType) and "edges" in named.fields:
        edge = get_named_type(named.fields["edges"].type)
        assert isinstance(edge, GraphQLObjectType)
        named = get_named_type(edge.fields["node"].type)
    name_of: str = named.name
    return name_of


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render_permissions(), encoding="utf-8")
