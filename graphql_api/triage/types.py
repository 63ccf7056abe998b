"""What each change answers: a payload, or the reason why it was refused."""

from __future__ import annotations

from typing import Annotated

import strawberry

from graphql_api.fields import changed_row
from graphql_api.refs import CaseCommentRef, CaseRef, InspectionRef
from graphql_api.triage.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    InvalidTransitionError,
    MutationError,
    NotFoundError,
)
from tarazu import models
from tarazu.models.enums import CaseLinkKind

_CASE = "The case after the change."


@strawberry.type(description="A case was changed.")
class CasePayload:
    case: models.Case = changed_row(_CASE, CaseRef)


@strawberry.type(description="A comment was added.")
class CommentPayload:
    case: models.Case = changed_row(_CASE, CaseRef)
    comment: models.CaseComment = changed_row("The comment.", CaseCommentRef)


@strawberry.type(description="Two cases were linked.")
class LinkPayload:
    case: models.Case = changed_row("One case after the change.", CaseRef)
    other_case: models.Case = changed_row("The other case after the change.", CaseRef)
    kind: CaseLinkKind = strawberry.field(description="How they belong together.")


@strawberry.type(description="A case was merged into another.")
class MergePayload:
    case: models.Case = changed_row("The case that is MERGED now.", CaseRef)
    into_case: models.Case = changed_row("The case that people go on with.", CaseRef)


@strawberry.type(description="A visit was ordered.")
class OrderPayload:
    case: models.Case = changed_row(_CASE, CaseRef)
    inspection: models.Inspection = changed_row("The visit.", InspectionRef)


@strawberry.type(description="What a visit found was kept.")
class OutcomePayload:
    inspection: models.Inspection = changed_row("The visit.", InspectionRef)
    case: models.Case | None = changed_row(
        "Its case after the change; null where it has none.", CaseRef | None
    )
    next_inspection: models.Inspection | None = changed_row(
        "The visit that was ordered because there was no access; else null.", InspectionRef | None
    )


CaseResult = Annotated[
    CasePayload | ConflictError | NotFoundError | InvalidTransitionError | InvalidInputError | ForbiddenError,
    strawberry.union("CaseResult", description="The changed case, or why the change was refused."),
]
CommentResult = Annotated[
    CommentPayload | ConflictError | NotFoundError | InvalidInputError | ForbiddenError,
    strawberry.union("CommentResult", description="The comment, or why it was refused."),
]
LinkResult = Annotated[
    LinkPayload | ConflictError | NotFoundError | InvalidInputError | ForbiddenError,
    strawberry.union("LinkResult", description="The linked cases, or why the link was refused."),
]
MergeResult = Annotated[
    MergePayload
    | ConflictError
    | NotFoundError
    | InvalidTransitionError
    | InvalidInputError
    | ForbiddenError,
    strawberry.union("MergeResult", description="Both cases, or why merging was refused."),
]
OrderResult = Annotated[
    OrderPayload
    | ConflictError
    | NotFoundError
    | InvalidTransitionError
    | InvalidInputError
    | ForbiddenError,
    strawberry.union("OrderResult", description="The visit, or why it was refused."),
]
OutcomeResult = Annotated[
    OutcomePayload
    | ConflictError
    | NotFoundError
    | InvalidTransitionError
    | InvalidInputError
    | ForbiddenError,
    strawberry.union("OutcomeResult", description="The visit with its result, or why that was refused."),
]


@strawberry.type(description="What became of one case of a list.")
class CaseItem:
    case_id: strawberry.ID = strawberry.field(description="The id as it was given.")
    result: CasePayload | MutationError = strawberry.field(
        graphql_type=CaseResult, description="The changed case, or why the change was refused."
    )


@strawberry.type(description="What became of one case of a list.")
class CommentItem:
    case_id: strawberry.ID = strawberry.field(description="The id as it was given.")
    result: CommentPayload | MutationError = strawberry.field(
        graphql_type=CommentResult, description="The comment, or why it was refused."
    )


@strawberry.type(description="What became of one case of a list.")
class OrderItem:
    case_id: strawberry.ID = strawberry.field(description="The id as it was given.")
    result: OrderPayload | MutationError = strawberry.field(
        graphql_type=OrderResult, description="The visit, or why it was refused."
    )


@strawberry.type(description="What became of each case of a list. A refused one does not stop the others.")
class CasesPayload:
    results: list[CaseItem] = strawberry.field(description="One a case, in the order of the list.")


@strawberry.type(description="What became of each case of a list. A refused one does not stop the others.")
class CommentsPayload:
    results: list[CommentItem] = strawberry.field(description="One a case, in the order of the list.")


@strawberry.type(description="What became of each case of a list. A refused one does not stop the others.")
class OrdersPayload:
    results: list[OrderItem] = strawberry.field(description="One a case, in the order of the list.")


CasesResult = Annotated[
    CasesPayload | InvalidInputError | ForbiddenError,
    strawberry.union("CasesResult", description="What became of each case, or why the list was refused."),
]
CommentsResult = Annotated[
    CommentsPayload | InvalidInputError | ForbiddenError,
    strawberry.union("CommentsResult", description="What became of each case, or why the list was refused."),
]
OrdersResult = Annotated[
    OrdersPayload | InvalidInputError | ForbiddenError,
    strawberry.union("OrdersResult", description="What became of each case, or why the list was refused."),
]
