"""What a client learns of a fault: our own errors with their codes, of all others only that there was one.

`extensions.code` is one of

* the dotted code of one of our errors (`graphql.cursor`, `not_found`), with the mend in the message;
* `BAD_REQUEST`: the document or its variables are wrong;
* `UNAVAILABLE`: the database is away or not migrated; the same request may succeed later (HTTP 503);
* `INTERNAL`: a fault of the program. The log has it, under the request id.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Final

from graphql import GraphQLError
from strawberry.exceptions import StrawberryInputCoercionError
from strawberry.extensions import SchemaExtension

from tarazu.database.faults import classify
from tarazu.errors import (
    BusyError,
    DatabaseNotMigratedError,
    DatabaseUnavailableError,
    InputError,
    OperationalError,
    TarazuError,
)

BAD_REQUEST: Final = "BAD_REQUEST"
UNAVAILABLE: Final = "UNAVAILABLE"
INTERNAL: Final = "INTERNAL"

_AWAY: Final = (DatabaseUnavailableError, DatabaseNotMigratedError, BusyError)

_log = logging.getLogger("tarazu.graphql")


class CursorError(InputError):
    """A cursor is damaged, or belongs to another list or order."""

    code = "graphql.cursor"


class PageError(InputError):
    """A page is empty, larger than the API serves, or too large for so many parents."""

    code = "graphql.page"


class IdError(InputError):
    """An id is damaged, or names another type."""

    code = "graphql.id"


class ArgumentError(InputError):
    """Arguments that each are well-formed but say nothing together."""

    code = "graphql.argument"


class FilterError(InputError):
    """A filter has too many conditions, is nested too deep, or is empty where it may not be."""

    code = "graphql.filter"


class TellErrors(SchemaExtension):
    """Replaces every error of an answer by what the client may know of it."""

    def on_operation(self) -> Iterator[None]:
        yield
        result = self.execution_context.result
        if result is not None and result.errors:
            result.errors = [tell(error) for error in result.errors]


def tell(error: GraphQLError) -> GraphQLError:
    """The error as the client may see it. What is masked is logged."""
    original = error.original_error
    known = _classify(original) if original is not None else None
    if isinstance(known, _AWAY):
        _log.warning("database unavailable: %s", known.code)
        return _with_code(error, "The database cannot be reached now; try again in a moment.", UNAVAILABLE)
    if isinstance(known, TarazuError):
        return _with_code(error, str(known), known.code)
    # Without a path nothing was executed yet: the document or its variables are wrong, and graphql-core's own words
    # say how.
    if isinstance(original, StrawberryInputCoercionError) or error.path is None:
        return _with_code(error, error.message, BAD_REQUEST)
    # The place, not the message: it may hold values of rows.
    _log.error("fault in %s: %s", ".".join(map(str, error.path)), type(original).__name__, exc_info=original)
    return _with_code(error, "This failed inside Tarazu.", INTERNAL)


def _classify(error: BaseException) -> BaseException:
    if isinstance(error, TarazuError) and not isinstance(error, OperationalError):
        return error
    return classify(error) or error


def _with_code(error: GraphQLError, message: str, code: str) -> GraphQLError:
    return GraphQLError(
        message,
        nodes=error.nodes,
        source=error.source,
        positions=error.positions,
        path=error.path,
        extensions={"code": code},
    )
