"""`recordTipOff`."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import strawberry
from sqlalchemy import select

from graphql_api.context import Info
from graphql_api.fields import resolver
from graphql_api.tip_offs.types import TipOffPayload, TipOffResult
from graphql_api.triage.desk import number_of
from graphql_api.triage.errors import MutationError, told
from graphql_api.triage.inputs import MUTATION_KEY
from tarazu.cases.desk import scope_values
from tarazu.cases.refusals import InvalidInputError
from tarazu.customer_service import tip_offs
from tarazu.errors import InputError, NotFoundError
from tarazu.models import UsagePoint
from tarazu.models.enums import TipOffChannel
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

_INPUT = strawberry.argument(description="What was reported, and the key of the change.")


@strawberry.input(description="Who reported, as far as they said. Stored encrypted.")
class ReporterInput:
    name: str | None = strawberry.field(default=None, description="Name, up to 200 characters.")
    phone: str | None = strawberry.field(default=None, description="Telephone, up to 200 characters.")


@strawberry.input(description="A report to keep.")
class RecordTipOffInput:
    client_mutation_key: str = strawberry.field(description=MUTATION_KEY)
    received_on: dt.date = strawberry.field(description="Day it came in; today or before.")
    channel: TipOffChannel = strawberry.field(description="How it came in.")
    text: str = strawberry.field(
        description="What was reported, 1 to 10000 characters. Who reported does not belong into it."
    )
    usage_point_id: strawberry.ID | None = strawberry.field(
        default=None, description="Global id of the usage point that it is about; without it, none is known."
    )
    reporter: ReporterInput | None = strawberry.field(
        default=None, description="Who reported; without it, nobody is known."
    )


@strawberry.type
class TipOffMutations:
    @resolver(
        description="Keep a report from outside, with who made it under encryption.",
        graphql_type=TipOffResult,
        needs=Permission.RECORD_TIP_OFFS,
    )
    @staticmethod
    async def record_tip_off(
        info: Info,
        input: Annotated[RecordTipOffInput, _INPUT],  # noqa: A002  # the argument's name in GraphQL
    ) -> TipOffPayload | MutationError:
        context = info.context
        try:
            context.principal.require(Permission.RECORD_TIP_OFFS)
            if input.received_on > context.today:
                raise InvalidInputError("`receivedOn` is in the future.", field="receivedOn")
            usage_point_id = await _usage_point_id(info, input.usage_point_id)
            cipher = await context.reporters.cipher()
            async with context.write_session.savepoint():
                row = await tip_offs.record_tip_off(
                    context.write_session,
                    cipher,
                    context.principal,
                    received_on=input.received_on,
                    text=input.text,
                    channel=input.channel,
                    usage_point_id=usage_point_id,
                    reporter=None if input.reporter is None else _reporter(input.reporter),
                    request_id=context.request_id,
                )
        except InputError as refusal:
            return told(refusal)
        return TipOffPayload(tip_off=row)


def _reporter(given: ReporterInput) -> tip_offs.Reporter:
    return tip_offs.Reporter(name=given.name, phone=given.phone)


async def _usage_point_id(info: Info, given: strawberry.ID | None) -> int | None:
    """Raises InvalidInputError; NotFoundError, also for a point outside the scope."""
    if given is None:
        return None
    statement = select(UsagePoint.id).where(UsagePoint.id == number_of(given, "UsagePoint", "usagePointId"))
    in_scope = row_scope.usage_point(UsagePoint.__table__.c, scope_values(info.context.principal.scope))
    if in_scope is not None:
        statement = statement.where(in_scope)
    found = await info.context.write_session.scalar(statement)
    if found is None:
        raise NotFoundError("There is no such usage point.", mend="Use an id as the API gave it.")
    return found
