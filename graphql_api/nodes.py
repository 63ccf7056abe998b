"""`node(id)`: the row of a global id, of whichever type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry

from graphql_api import resolving
from graphql_api.compiler.binding import Bind, Slot, valued
from graphql_api.compiler.mapping import (
    METADATA_KEY,
    ReadingLimits,
    RootNode,
    RowType,
    Source,
    Values,
)
from graphql_api.context import Info
from graphql_api.errors import IdError
from graphql_api.ids import decode_id
from graphql_api.parameters import argument, with_parameters
from graphql_api.rows import NODE_KEYS


class NodeReader:
    """Reads a global id: its type decides the statement, its key is bound."""

    def read(self, arguments: Mapping[str, Any], _limits: ReadingLimits) -> tuple[str, tuple[Any, ...]]:
        type_name, key = decode_id(arguments["id"])
        if type_name not in NODE_KEYS:
            raise IdError("The id is of no type that the API has.", mend="Use an id as the API gave it.")
        return type_name, NODE_KEYS[type_name][1](key)

    def source(self, shape: str, bind: Bind, _values: Values, row: RowType) -> Source:
        assert row.table is not None
        rows = row.table.alias()
        keys = NODE_KEYS[shape][0].keys
        return Source(
            rows,
            tuple(rows.c[name] == bind(Slot(place), rows.c[name].type) for place, name in enumerate(keys)),
        )


READER = NodeReader()


async def _resolve(info: Info, **arguments: Any) -> Any:
    context = info.context
    type_name, key = READER.read(arguments, context.limits)
    row = NODE_KEYS[type_name][0]
    if row.requires is not None:
        context.principal.require(row.requires)
    source = READER.source(type_name, valued(key), context.values, row)
    rows = await context.read(lambda db: resolving.source_rows(db, source, row, context.values))
    return rows[0] if rows else None


def root_node(description: str) -> Any:
    return strawberry.field(
        resolver=with_parameters(
            _resolve,
            Info,
            argument("id", strawberry.ID, "The global id.", required=True),
        ),
        description=description,
        metadata={METADATA_KEY: RootNode(READER)},
    )
