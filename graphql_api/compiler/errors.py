"""What can go wrong between a document and its statement; each says in which phase, and where in the document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from graphql import FieldNode, GraphQLError

from tarazu.errors import InputError, TarazuError


class MappingError(TarazuError):
    """A type does not say what it needs to be compiled; found when the server starts."""

    code = "graphql.mapping"


class NotCompilableError(Exception):
    """The compiler has no statement for this; resolvers do it. `phase` and `place` say what it was."""

    phase: ClassVar[str] = "plan"

    def __init__(self, reason: str, path: Sequence[str]) -> None:
        super().__init__(f"{self.phase}: {'.'.join(path)}: {reason}")
        self.path = tuple(path)


class NoStatementError(NotCompilableError):
    """The plan stands, but no SQL can be made of it."""

    phase = "sql"


def at(error: InputError, nodes: Sequence[FieldNode], path: Sequence[str | int]) -> GraphQLError:
    """The error with its place: the field's line and column, and its path in the answer."""
    return GraphQLError(str(error), nodes=list(nodes), path=list(path), original_error=error)
