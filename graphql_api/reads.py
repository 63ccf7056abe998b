"""Answers reads by their compiled statements: one statement a root field, its JSON passed on untouched."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import GraphQLError

from graphql_api.compiler.prepared import Call, Read
from tarazu.database.faults import classify
from tarazu.database.read_pool import ReadPool


@dataclass(frozen=True, slots=True)
class Answered:
    """The JSON text of `data`, and the errors of the fields that failed."""

    data: bytes
    errors: tuple[GraphQLError, ...] = ()


async def answer(read: Read, pool: ReadPool, *, timeout_ms: int) -> Answered:
    """Send the statements one after the other: an answer never holds more than one connection."""
    parts: list[bytes] = []
    errors: list[GraphQLError] = []
    for call in read.calls:
        try:
            found = await pool.fetch_text(call.text, call.values, timeout_ms=timeout_ms)
        except Exception as error:  # noqa: BLE001  # of whatever kind, it is this field's error
            failed = _failed(call, error)
            if not call.root.nullable:
                return Answered(b"null", (*errors, failed))
            errors.append(failed)
            found = None
        parts.append(b'"%s":%s' % (call.root.key.encode(), found or b"null"))
    return Answered(b"{%s}" % b",".join(parts), tuple(errors))


def _failed(call: Call, error: Exception) -> GraphQLError:
    return GraphQLError(
        "The read failed.",
        path=[call.root.key],
        original_error=classify(error) or error,
    )
