"""TipOff with its Reporter, and what `recordTipOff` answers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Final

import strawberry

from graphql_api.compiler.mapping import Guard
from graphql_api.context import Info
from graphql_api.errors import ArgumentError
from graphql_api.fields import changed_row, column, jalali, one, resolver
from graphql_api.ids import parse_uuid_key
from graphql_api.refs import TipOffRef, UsagePointRef
from graphql_api.rows import Node
from graphql_api.scalars import Long
from graphql_api.triage.errors import ForbiddenError, InvalidInputError, NotFoundError
from tarazu import models
from tarazu.customer_service import tip_offs
from tarazu.models.enums import TipOffChannel
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

REPORTER: Final = Guard(Permission.READ_TIP_OFF_REPORTER, otherwise_null=True, is_personal=True)


@strawberry.type(description="Who reported. Stored encrypted; each reading is recorded.")
class Reporter:
    name: str | None = strawberry.field(description="Name, as given; null where only a telephone was given.")
    phone: str | None = strawberry.field(description="Telephone, as given; null where only a name was given.")


@strawberry.type(
    description=(
        "A report from outside: a neighbour's hook on the line, an employee's word («گزارش مردمی»). One that names no usage "
        "point is seen by those whose scope is not restricted."
    )
)
class TipOff(
    Node,
    model=models.TipOff,
    scope=row_scope.of_usage_point,
    requires=Permission.READ_TIP_OFFS,
    parse_key=parse_uuid_key,
):
    tip_off_no: Long = column("Number of the tip-off, to speak of it; unique.")
    received_on: dt.date = column("Day it came in.")
    received_on_jalali: str | None = jalali("received_on")
    channel: TipOffChannel = column("How it came in.")
    text: str = column("What was reported, in the words of who wrote it down.")
    created_by: str = column("Name of who wrote it down.")
    usage_point: UsagePointRef | None = one(
        models.TipOff.usage_point, "The usage point that it is about; null where it names none."
    )

    @resolver(
        description=(
            "Who reported; null where nobody is known, and without the permission `tip_offs.reporter`. Not in the answer "
            "of a mutation, which is kept."
        ),
        graphql_type=Reporter | None,
        guard=REPORTER,
    )
    @staticmethod
    async def reporter(root: strawberry.Parent[models.TipOff], info: Info) -> tip_offs.Reporter | None:
        context = info.context
        if not context.principal.may(REPORTER.permission):
            return None
        if context.is_change:
            raise ArgumentError(
                "`reporter` cannot be asked for in a mutation.", mend="Ask for it in a query."
            )
        return await context.read(
            lambda session: context.reporters.reporter_of(
                session, context.principal, root.id, request_id=context.request_id
            )
        )


@strawberry.type(description="A tip-off was kept.")
class TipOffPayload:
    tip_off: models.TipOff = changed_row("The tip-off.", TipOffRef)


TipOffResult = Annotated[
    TipOffPayload | NotFoundError | InvalidInputError | ForbiddenError,
    strawberry.union("TipOffResult", description="The tip-off, or why it was refused."),
]
