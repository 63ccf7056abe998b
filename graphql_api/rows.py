"""The types whose fields are columns of rows, and the interface `Node` of those that have an id of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

import strawberry

from graphql_api.compiler.mapping import MAPPING_ATTRIBUTE, METADATA_KEY, Identity, RowType, Scope
from graphql_api.context import Info
from graphql_api.ids import KEY_SEPARATOR, encode_id, parse_number
from tarazu.models import Base
from tarazu.security.permissions import Permission

ParseKey = Callable[[str], tuple[Any, ...]]


def parse_number_key(key: str) -> tuple[int]:
    return (parse_number(key),)


class Row:
    """A subclass says what its rows are: `class MeterMultiplier(Row, model=…, scope=…, requires=…)`.

    The scope has no default: a type that anybody may see says so (`row_scope.everyone`).
    """

    def __init_subclass__(
        cls,
        *,
        scope: Scope | None = None,
        model: type[Base] | None = None,
        requires: Permission | None = None,
        **more: Any,
    ) -> None:
        super().__init_subclass__(**more)
        # Without a scope the schema does not start: `compiler.mapping.read_types` refuses it.
        setattr(cls, MAPPING_ATTRIBUTE, RowType(model, scope, requires) if scope is not None else cls)


NODE_KEYS: Final[dict[str, tuple[RowType, ParseKey]]] = {}


def _id(root: strawberry.Parent[Any], info: Info) -> strawberry.ID:
    # The concrete type: the field belongs to each type that implements the interface.
    name = info._raw_info.parent_type.name  # noqa: SLF001  # Info has no public way to it
    keys = NODE_KEYS[name][0].keys
    return encode_id(name, KEY_SEPARATOR.join(str(getattr(root, key)) for key in keys))


@strawberry.interface(description="Anything that has an id of its own and can be fetched again by it.")
class Node:
    """A subclass names the model whose rows it shows, and who sees which of them.

    `class Meter(Node, model=models.Meter, scope=row_scope.meter, requires=Permission.READ_METERING)`.
    """

    row_model: ClassVar[type[Base]]

    id: strawberry.ID = strawberry.field(
        resolver=_id,
        description="The global id; opaque, and stable for ever.",
        metadata={METADATA_KEY: Identity()},
    )

    def __init_subclass__(
        cls,
        *,
        model: type[Base],
        scope: Scope | None = None,
        requires: Permission | None = None,
        keys: tuple[str, ...] = ("id",),
        parse_key: ParseKey = parse_number_key,
        **more: Any,
    ) -> None:
        super().__init_subclass__(**more)
        cls.row_model = model
        if scope is None:
            setattr(cls, MAPPING_ATTRIBUTE, cls)
            return
        row = RowType(model, scope, requires, keys)
        setattr(cls, MAPPING_ATTRIBUTE, row)
        NODE_KEYS[cls.__name__] = row, parse_key

    @classmethod
    def is_type_of(cls, value: object, _info: object) -> bool:
        """Whether the row is one of this type; GraphQL asks when it only knows `Node`."""
        return isinstance(value, cls.row_model)
