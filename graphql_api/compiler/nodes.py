"""The plan of a read: what the document asks, as typed nodes, with nothing of its text left but response keys."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from graphql import GraphQLEnumType

from graphql_api.compiler.mapping import Column, Computed, Elements, Listed, Many, One, TypeMapping


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value of the row. `enumeration` where GraphQL writes a name for it."""

    key: str
    mapping: Column | Computed
    enumeration: GraphQLEnumType | None


@dataclass(frozen=True, slots=True)
class Hidden:
    """A value that this principal gets null for."""

    key: str


@dataclass(frozen=True, slots=True)
class TypeName:
    key: str
    name: str


@dataclass(frozen=True, slots=True)
class GlobalId:
    key: str


@dataclass(frozen=True, slots=True)
class Related:
    key: str
    mapping: One
    selection: Selection


@dataclass(frozen=True, slots=True)
class Rows:
    key: str
    mapping: Listed | Elements
    selection: Selection


@dataclass(frozen=True, slots=True)
class NestedPage:
    key: str
    mapping: Many
    site: int
    page: Page


@dataclass(frozen=True, slots=True)
class Selection:
    """The fields asked of the rows of one type, in the order of the answer."""

    type: TypeMapping
    fields: tuple[Leaf | Hidden | TypeName | GlobalId | Related | Rows | NestedPage, ...]


class PageInfoField(StrEnum):
    HAS_NEXT = "hasNextPage"
    HAS_PREVIOUS = "hasPreviousPage"
    START = "startCursor"
    END = "endCursor"


@dataclass(frozen=True, slots=True)
class EdgeCursor:
    key: str


@dataclass(frozen=True, slots=True)
class EdgeNode:
    key: str
    selection: Selection


@dataclass(frozen=True, slots=True)
class Edges:
    key: str
    fields: tuple[EdgeCursor | EdgeNode | TypeName, ...]


@dataclass(frozen=True, slots=True)
class PageInfos:
    key: str
    fields: tuple[tuple[str, PageInfoField] | TypeName, ...]


@dataclass(frozen=True, slots=True)
class TotalCount:
    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """What is asked of a connection."""

    type: TypeMapping
    fields: tuple[Edges | PageInfos | TotalCount | TypeName, ...]


@dataclass(frozen=True, slots=True)
class Root:
    """A root field: one statement."""

    key: str
    name: str
    site: int
    mapping: Any
    content: Selection | Page | TypeName
    nullable: bool
    """Whether the field may be null; else a failure makes the whole answer null."""
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    roots: tuple[Root, ...]
    personal_fields: tuple[str, ...]
    """`Type.field` of all unmasked personal data that the plan reads; the audit log gets them."""
