"""Requests that are refused before anything is executed: what is wrong with them, where, and how to mend it.

Every refusal has a code of its own and an HTTP status. Messages may quote the document, which only its sender sees;
they never reach the log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from graphql import GraphQLEnumType, GraphQLError, GraphQLSchema, specified_scalar_types

from tarazu.errors import InputError

# A message of graphql-core quotes the value it is about, however long that is.
MESSAGE_LENGTH_MAX: Final = 300
_SUGGESTION: Final = re.compile(r"\s*Did you mean .*", re.DOTALL)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_QUOTED_OR_NAME: Final = re.compile(r"'[^']*'|[A-Za-z_][A-Za-z0-9_]*")


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


def problems_of(errors: Iterable[GraphQLError], *, hide: Callable[[str], str] | None = None) -> list[Problem]:
    """What graphql-core says, cut to a length that suits a message; `hide` takes out what is not to be told."""
    found = []
    for error in errors:
        place = error.locations[0] if error.locations else None
        message = hide(error.message) if hide is not None else error.message
        found.append(
            Problem(shorten(message), place.line if place else None, place.column if place else None)
        )
    return found


class HiddenNames:
    """The names of a schema that messages must not tell to who did not send them.

    Else whoever guesses one field learns its type, its required arguments, and so on through the whole schema.
    """

    def __init__(self, schema: GraphQLSchema) -> None:
        types = {name: kind for name, kind in schema.type_map.items() if not name.startswith("__")}
        self._types = types.keys() - specified_scalar_types.keys() - {"Query", "Mutation", "Subscription"}
        self._names: set[str] = set(self._types)
        for kind in types.values():
            if isinstance(kind, GraphQLEnumType):
                self._names.update(kind.values)
            fields: Mapping[str, Any] = getattr(kind, "fields", {})
            for name, given in fields.items():
                self._names.update((name, *getattr(given, "args", ())))

    def hide(self, message: str, sent: str) -> str:
        """The message without names that do not stand in what was sent, and without guesses at what was meant."""
        known = set(_NAME.findall(sent))

        def told(name: str, names: AbstractSet[str]) -> str:
            return "…" if name in names and name not in known else name

        def replace(found: re.Match[str]) -> str:
            if found[0].startswith("'"):
                return _NAME.sub(lambda name: told(name[0], self._names), found[0])
            # Outside of quotes, names of fields are English words too.
            return told(found[0], self._types)

        # graphql-core's `hide_suggestions` leaves one: that a field wants a selection.
        return _QUOTED_OR_NAME.sub(replace, _SUGGESTION.sub("", message))


def shorten(message: str) -> str:
    # A lone surrogate of a value could not be written into the answer; values are printed over many lines.
    clean = " ".join(message.encode("utf-8", "replace").decode("utf-8").split())
    return clean if len(clean) <= MESSAGE_LENGTH_MAX else clean[: MESSAGE_LENGTH_MAX - 1] + "…"
