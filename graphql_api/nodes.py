"""The interface `Node`, and how a global id finds its row."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import strawberry

from graphql_api.context import Info
from graphql_api.errors import IdError
from graphql_api.ids import decode_id, encode_id, parse_number
from tarazu.models import Base

Fetch = Callable[..., Awaitable[Mapping[Any, Any]]]


@dataclass(frozen=True, slots=True)
class NodeKind:
    """How a node type is found by id, and how its rows are named."""

    model: type[Base]
    fetch: Fetch
    parse_key: Callable[[str], Any]
    write_key: Callable[[Any], str]


NODE_KINDS: Final[dict[str, NodeKind]] = {}


def _id(root: strawberry.Parent[Any], info: Info) -> strawberry.ID:
    # The concrete type: the field belongs to each type that implements the interface.
    name = info._raw_info.parent_type.name  # noqa: SLF001  # Info has no public way to it
    return encode_id(name, NODE_KINDS[name].write_key(root))


@strawberry.interface(description="Anything that has an id of its own and can be fetched again by it.")
class Node:
    """A subclass names the model whose rows it shows: its fields are attributes of those rows, or resolvers.

    `class Meter(Node, model=models.Meter, fetch=meters_by_id)`.
    """

    row_type: ClassVar[type[Base]]

    id: strawberry.ID = strawberry.field(
        resolver=_id, description="The global id; opaque, and stable for ever."
    )

    def __init_subclass__(
        cls,
        *,
        model: type[Base],
        fetch: Fetch,
        parse_key: Callable[[str], Any] = parse_number,
        write_key: Callable[[Any], str] = lambda row: str(row.id),
        **more: Any,
    ) -> None:
        super().__init_subclass__(**more)
        cls.row_type = model
        NODE_KINDS[cls.__name__] = NodeKind(model, fetch, parse_key, write_key)

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        """Whether the row is one of this type; GraphQL asks when it only knows `Node`."""
        return isinstance(value, cls.row_type)


async def find_node(info: Info, id_: str) -> Any:
    """The row of a global id, or None. Raises IdError."""
    type_name, key = decode_id(id_)
    kind = NODE_KINDS.get(type_name)
    if kind is None:
        raise IdError("The id is of no type that the API has.", mend="Use an id as the API gave it.")
    return await info.context.load(kind.fetch, kind.parse_key(key))
