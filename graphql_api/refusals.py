"""Requests that are refused before anything is executed: what is wrong with them, where, and how to mend it.

Every refusal has a code of its own and an HTTP status. Messages may quote the document, which only its sender sees;
they never reach the log.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from graphql import GraphQLError

from tarazu.errors import InputError

# A message of graphql-core quotes the value it is about, however long that is.
MESSAGE_LENGTH_MAX: Final = 300
_SUGGESTION: Final = re.compile(r"\s*Did you mean .*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where in the document (line and column from 1), if that is known."""

    message: str
    line: int | None = None
    column: int | None = None


class RefusedError(InputError):
    """A request that is not executed. `problems` say what is wrong where; there is at least one."""

    code = "graphql.refused"
    status: ClassVar[int] = 400

    def __init__(
        self, message: str, *, mend: str | None = None, problems: Iterable[Problem] | None = None
    ) -> None:
        super().__init__(shorten(message), mend=mend)
        self.problems = tuple(problems) if problems is not None else (Problem(str(self)),)

    def write(self) -> dict[str, Any]:
        """The answer's body: `errors` with locations and the code, and no `data`."""
        return {"errors": [self._write(problem) for problem in self.problems]}

    def _write(self, problem: Problem) -> dict[str, Any]:
        written: dict[str, Any] = {"message": problem.message, "extensions": {"code": self.code}}
        if problem.line is not None:
            written["locations"] = [{"line": problem.line, "column": problem.column}]
        return written


class BodyError(RefusedError):
    """The body is no JSON object with `query`, `variables`, `operationName`, `extensions`."""

    code = "graphql.body"


class DocumentSyntaxError(RefusedError):
    """The document is no GraphQL."""

    code = "graphql.syntax"


class DocumentInvalidError(RefusedError):
    """The document is GraphQL, but not of this schema."""

    code = "graphql.invalid"


class OperationChoiceError(RefusedError):
    """It is not clear which operation of the document is meant, or the operation may not be sent this way."""

    code = "graphql.operation"


class VariablesError(RefusedError):
    """A variable is missing, or its value does not fit its type."""

    code = "graphql.variables"


def problems_of(errors: Iterable[GraphQLError], *, hides_suggestions: bool = False) -> list[Problem]:
    """What graphql-core says, cut to a length that suits a message."""
    found = []
    for error in errors:
        place = error.locations[0] if error.locations else None
        message = without_suggestion(error.message) if hides_suggestions else error.message
        found.append(
            Problem(shorten(message), place.line if place else None, place.column if place else None)
        )
    return found


def without_suggestion(message: str) -> str:
    """graphql-core's `hide_suggestions` leaves one: that a field wants a selection."""
    return _SUGGESTION.sub("", message)


def shorten(message: str) -> str:
    # A lone surrogate of a value could not be written into the answer; values are printed over many lines.
    clean = " ".join(message.encode("utf-8", "replace").decode("utf-8").split())
    return clean if len(clean) <= MESSAGE_LENGTH_MAX else clean[: MESSAGE_LENGTH_MAX - 1] + "…"
