"""Relay connections over keyset pages, and what resolvers answer them from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

import strawberry

from graphql_api.cursors import encode_cursor
from tarazu.paging import Order, Page

NodeType = TypeVar("NodeType")
Value = TypeVar("Value")

First = Annotated[
    int,
    strawberry.argument(description="How many rows at most; from 1 to the largest page the server allows."),
]
After = Annotated[
    str | None,
    strawberry.argument(
        description="The cursor of the row after which the page begins; without it, the first page."
    ),
]


@strawberry.type(description="Where a page of a list stands.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether rows follow the last one of this page.")
    has_previous_page: bool = strawberry.field(
        description="Whether the page was asked for by `after`, so that rows stand before it."
    )
    start_cursor: str | None = strawberry.field(
        description="The cursor of the page's first row; null on an empty page."
    )
    end_cursor: str | None = strawberry.field(
        description="The cursor of the page's last row, for `after` of the next page; null on an empty page."
    )


@strawberry.type(description="A row of a list with its place in it.")
class Edge(Generic[NodeType]):
    node: NodeType = strawberry.field(description="The row.")
    cursor: str = strawberry.field(description="The place of the row in this list and order; opaque.")


@strawberry.type(description="A page of a list, and on demand the length of the whole list.")
class Connection(Generic[NodeType]):
    edges: list[Edge[NodeType]] = strawberry.field(
        description="The rows of the page, in the order of the list."
    )
    page_info: PageInfo = strawberry.field(description="Whether there is more, and from where to go on.")
    total_count: int = strawberry.field(
        description="The number of rows of the whole list under its filter. Counted only where it is asked for."
    )


@dataclass(frozen=True, slots=True)
class EdgeOf(Generic[Value]):
    """What an Edge is resolved from."""

    node: Value
    cursor: str


class ConnectionOf(Generic[Value]):
    """What a Connection is resolved from; it reads only what the selection asks of it.

    GraphQL awaits the coroutines that its properties give.
    """

    def __init__(
        self,
        order: Order,
        has_previous: bool,
        page: Callable[[], Awaitable[Page[Value] | None]],
        length: Callable[[], Awaitable[int | None]],
    ) -> None:
        self._order = order
        self._has_previous = has_previous
        self._page = page
        self._length = length
        self._asked: asyncio.Future[Page[Value] | None] | None = None

    @property
    async def edges(self) -> list[EdgeOf[Value]]:
        return [EdgeOf(row, self._cursor(row)) for row in (await self._rows()).rows]

    @property
    async def page_info(self) -> PageInfo:
        page = await self._rows()
        return PageInfo(
            has_next_page=page.has_next,
            has_previous_page=self._has_previous,
            start_cursor=self._cursor(page.rows[0]) if page.rows else None,
            end_cursor=self._cursor(page.rows[-1]) if page.rows else None,
        )

    @property
    async def total_count(self) -> int:
        return await self._length() or 0

    async def _rows(self) -> Page[Value]:
        # `edges` and `pageInfo` are resolved side by side and share one read.
        if self._asked is None:
            self._asked = asyncio.ensure_future(self._page())
        return await self._asked or Page([], has_next=False)

    def _cursor(self, row: Any) -> str:
        return encode_cursor(self._order, self._order.key_of(row))
