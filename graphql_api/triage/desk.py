"""How a mutation reaches cases: at a desk of the caller, in the transaction of the request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import TypeVar

import strawberry

from graphql_api.context import Info
from graphql_api.ids import key_of, parse_number, parse_uuid
from graphql_api.triage.errors import MutationError, told
from tarazu.cases.desk import Desk, Target
from tarazu.cases.refusals import InvalidInputError
from tarazu.errors import InputError
from tarazu.security.permissions import Permission

Payload = TypeVar("Payload")
Result = TypeVar("Result")


def open_desk(info: Info) -> Desk:
    """A desk of the request's principal. The endpoint gives every mutation a principal and a transaction."""
    context = info.context
    return Desk(context.write_session, context.principal, today=context.today, request_id=context.request_id)


async def change(info: Info, work: Callable[[Desk], Awaitable[Payload]]) -> Payload | MutationError:
    """The payload of one change, or why it was refused; then nothing of it stays."""
    try:
        async with open_desk(info) as desk:
            return await desk.attempt(partial(work, desk))
    except InputError as refusal:
        return told(refusal)


async def change_each(
    info: Info,
    permission: Permission,
    targets: Callable[[], Sequence[Target]],
    work: Callable[[Desk, Target], Awaitable[Payload]],
) -> list[Payload | MutationError] | MutationError:
    """The payload or the refusal of each case; or why the whole list was refused."""
    try:
        async with open_desk(info) as desk:
            desk.principal.require(permission)
            results = await desk.each(targets(), partial(work, desk))
    except InputError as refusal:
        return told(refusal)
    return [told(result) if isinstance(result, InputError) else result for result in results]


def target_of(case_id: strawberry.ID, expected_version: int | None, field: str = "caseId") -> Target:
    """Raises InvalidInputError where the id is none of a case."""
    try:
        return Target(parse_uuid(key_of(case_id, "Case")), expected_version)
    except InputError as error:
        raise InvalidInputError(error.message, field=field, mend=error.mend) from error


def number_of(id_: strawberry.ID, type_name: str, field: str) -> int:
    """The surrogate key of a global id. Raises InvalidInputError."""
    try:
        return parse_number(key_of(id_, type_name))
    except InputError as error:
        raise InvalidInputError(error.message, field=field, mend=error.mend) from error
