"""One mutation a verb. What each does and refuses stands in `tarazu.cases.triage` and `tarazu.cases.visits`."""

from __future__ import annotations

from typing import Annotated

import strawberry

from graphql_api.context import Info
from graphql_api.fields import resolver
from graphql_api.triage import inputs, types
from graphql_api.triage.desk import change, number_of, target_of
from graphql_api.triage.errors import MutationError
from tarazu.cases import triage, visits
from tarazu.cases.desk import Desk
from tarazu.security.permissions import Permission

_INPUT = strawberry.argument(description="What to change, and the key of the change.")


@strawberry.type
class TriageMutations:
    @resolver(
        description="Give a live case to somebody, or to nobody.",
        graphql_type=types.CaseResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def assign_case(
        info: Info,
        input: Annotated[inputs.AssignCaseInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CasePayload | MutationError:
        async def work(desk: Desk) -> types.CasePayload:
            target = target_of(input.case_id, input.expected_version)
            return types.CasePayload(case=await triage.assign(desk, target, input.assignee))

        return await change(info, work)

    @resolver(
        description="Add a comment to a case in any state.",
        graphql_type=types.CommentResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def comment_case(
        info: Info,
        input: Annotated[inputs.CommentCaseInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CommentPayload | MutationError:
        async def work(desk: Desk) -> types.CommentPayload:
            target = target_of(input.case_id, input.expected_version)
            case, comment = await triage.comment(desk, target, input.text)
            return types.CommentPayload(case=case, comment=comment)

        return await change(info, work)

    @resolver(
        description="Take a case up: OPEN becomes IN_REVIEW.",
        graphql_type=types.CaseResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def start_case_review(
        info: Info,
        input: Annotated[inputs.StartCaseReviewInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CasePayload | MutationError:
        async def work(desk: Desk) -> types.CasePayload:
            target = target_of(input.case_id, input.expected_version)
            return types.CasePayload(case=await triage.start_review(desk, target))

        return await change(info, work)

    @resolver(
        description=(
            "Close a live case as no loss, or none worth the work. A visit that it waits for is withdrawn."
        ),
        graphql_type=types.CaseResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def dismiss_case(
        info: Info,
        input: Annotated[inputs.DismissCaseInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CasePayload | MutationError:
        async def work(desk: Desk) -> types.CasePayload:
            target = target_of(input.case_id, input.expected_version)
            return types.CasePayload(case=await triage.dismiss(desk, target, input.reason, input.text))

        return await change(info, work)

    @resolver(
        description=(
            "Take a closed or merged case up again; it becomes IN_REVIEW. Refused where a later case of the same subject "
            "and family is live."
        ),
        graphql_type=types.CaseResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def reopen_case(
        info: Info,
        input: Annotated[inputs.ReopenCaseInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.CasePayload | MutationError:
        async def work(desk: Desk) -> types.CasePayload:
            target = target_of(input.case_id, input.expected_version)
            return types.CasePayload(case=await triage.reopen(desk, target, input.reason))

        return await change(info, work)

    @resolver(
        description="Note that two cases in any state belong together.",
        graphql_type=types.LinkResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def link_cases(
        info: Info,
        input: Annotated[inputs.LinkCasesInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.LinkPayload | MutationError:
        async def work(desk: Desk) -> types.LinkPayload:
            target = target_of(input.case_id, input.expected_version)
            other = target_of(input.other_case_id, input.other_expected_version, "otherCaseId")
            case, other_case, link = await triage.link(desk, target, other, input.kind)
            return types.LinkPayload(case=case, other_case=other_case, kind=link.kind)

        return await change(info, work)

    @resolver(
        description=(
            "Go on with one live case for two. The merged one becomes MERGED and keeps its findings, comments and visits; "
            "a visit that it waits for is withdrawn."
        ),
        graphql_type=types.MergeResult,
        needs=Permission.TRIAGE_CASES,
    )
    @staticmethod
    async def merge_case(
        info: Info,
        input: Annotated[inputs.MergeCaseInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.MergePayload | MutationError:
        async def work(desk: Desk) -> types.MergePayload:
            target = target_of(input.case_id, input.expected_version)
            into = target_of(input.into_case_id, input.into_expected_version, "intoCaseId")
            case, survivor = await triage.merge(desk, target, into)
            return types.MergePayload(case=case, into_case=survivor)

        return await change(info, work)

    @resolver(
        description="Order a visit for a case that is OPEN or IN_REVIEW.",
        graphql_type=types.OrderResult,
        needs=Permission.ORDER_INSPECTIONS,
    )
    @staticmethod
    async def order_inspection(
        info: Info,
        input: Annotated[inputs.OrderInspectionInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> types.OrderPayload | MutationError:
        async def work(desk: Desk) -> types.OrderPayload:
            target = target_of(input.case_id, input.expected_version)
            point = (
                number_of(input.usage_point_id, "UsagePoint", "usagePointId")
                if input.usage_point_id is not None
                else None
            )
            case, inspection = await visits.order_inspection(desk, target, point)
            return types.OrderPayload(case=case, inspection=inspection)

        return await change(info, work)

    @resolver(
        description=(
            "Keep what a visit found, once. THEFT, METER_FAULT and BILLING_ERROR confirm the case, CLEAN dismisses it, "
            "with NO_ACCESS it waits for another visit."
        ),
        graphql_type=types.OutcomeResult,
        needs=Permission.RECORD_INSPECTIONS,
    )
    @staticmethod
    async def record_inspection_outcome(
        info: Info,
        input: Annotated[inputs.RecordInspectionOutcomeInput, _INPUT],  # noqa: A002  # its name in GraphQL
    ) -> types.OutcomePayload | MutationError:
        async def work(desk: Desk) -> types.OutcomePayload:
            inspection_id = number_of(input.inspection_id, "Inspection", "inspectionId")
            result = visits.VisitResult(
                outcome=input.outcome,
                inspected_on=input.inspected_on,
                inspector_name=input.inspector_name,
                unregistered_energy_kwh=input.unregistered_energy_kwh,
                note=input.note,
                measurements=[
                    visits.Measurement(measured.quantity, measured.value, measured.phase)
                    for measured in input.measurements
                ],
                seal_numbers=input.seal_numbers,
            )
            kept = await visits.record_outcome(desk, inspection_id, result, input.expected_case_version)
            return types.OutcomePayload(
                inspection=kept.inspection, case=kept.case, next_inspection=kept.next_inspection
            )

        return await change(info, work)
