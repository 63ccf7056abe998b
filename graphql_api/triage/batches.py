"""The same change to many cases at once: one transaction, each case with its own outcome."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any, NamedTuple, TypeVar

import strawberry

from graphql_api.context import Info
from graphql_api.fields import resolver
from graphql_api.triage import inputs, types
from graphql_api.triage.desk import change_each, target_of
from graphql_api.triage.errors import MutationError
from tarazu.cases import triage, visits
from tarazu.cases.desk import Desk, Target
from tarazu.security.permissions import Permission

Payload = TypeVar("Payload")

_INPUT = strawberry.argument(description="What to change, and the key of the change.")
_EACH = "Each case has its own outcome."


class Given(NamedTuple):
    """A case of a list, and the argument that it came in."""

    case_id: strawberry.ID
    expected_version: int | None
    argument: str


def _versions(cases: Sequence[inputs.CaseVersionInput]) -> list[Given]:
    return [Given(case.case_id, case.expected_version, "cases") for case in cases]


async def _each(
    info: Info,
    permission: Permission,
    cases: Sequence[Given],
    work: Callable[[Desk, Target], Awaitable[Any]],
    item: Callable[..., Any],
    payload: Callable[..., Payload],
) -> Payload | MutationError:
    """The payload with an item for each case, in their order; or why the whole list was refused."""
    results = await change_each(info, permission, lambda: [target_of(*case) for case in cases], work)
    if isinstance(results, MutationError):
        return results
    return payload(
        results=[
            item(case_id=case.case_id, result=result) for case, result in zip(cases, results, strict=True)
        ]
    )


@strawberry.type
class BatchMutations:
    @resolver(
        description=f"Give live cases to somebody, or to nobody. {_EACH}",
        graphql_type=types.CasesResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def assign_cases(
        info: Info,
        input: Annotated[inputs.AssignCasesInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CasesPayload | MutationError:
        async def work(desk: Desk, target: Target) -> types.CasePayload:
            return types.CasePayload(case=await triage.assign(desk, target, input.assignee))

        return await _each(
            info, Permission.TRIAGE_CASES, _versions(input.cases), work, types.CaseItem, types.CasesPayload
        )

    @resolver(
        description=f"Add the same comment to cases in any state. {_EACH}",
        graphql_type=types.CommentsResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def comment_cases(
        info: Info,
        input: Annotated[inputs.CommentCasesInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CommentsPayload | MutationError:
        async def work(desk: Desk, target: Target) -> types.CommentPayload:
            case, comment = await triage.comment(desk, target, input.text)
            return types.CommentPayload(case=case, comment=comment)

        cases = [Given(case_id, None, "caseIds") for case_id in input.case_ids]
        return await _each(
            info, Permission.TRIAGE_CASES, cases, work, types.CommentItem, types.CommentsPayload
        )

    @resolver(
        description=(
            "Close live cases as no loss, or none worth the work. Visits that they wait for are withdrawn. "
            f"{_EACH}"
        ),
        graphql_type=types.CasesResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def dismiss_cases(
        info: Info,
        input: Annotated[inputs.DismissCasesInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CasesPayload | MutationError:
        async def work(desk: Desk, target: Target) -> types.CasePayload:
            return types.CasePayload(case=await triage.dismiss(desk, target, input.reason, input.text))

        return await _each(
            info, Permission.TRIAGE_CASES, _versions(input.cases), work, types.CaseItem, types.CasesPayload
        )

    @resolver(
        description=(f"Order visits for cases that are about usage points and OPEN or IN_REVIEW. {_EACH}"),
        graphql_type=types.OrdersResult,
        needs=Permission.ORDER_INSPECTIONS,
    )
    @staticmethod
    async def order_inspections(
        info: Info,
        input: Annotated[inputs.OrderInspectionsInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.OrdersPayload | MutationError:
        async def work(desk: Desk, target: Target) -> types.OrderPayload:
            case, inspection = await visits.order_inspection(desk, target)
            return types.OrderPayload(case=case, inspection=inspection)

        return await _each(
            info,
            Permission.ORDER_INSPECTIONS,
            _versions(input.cases),
            work,
            types.OrderItem,
            types.OrdersPayload,
        )
