"""`usagePoint`, `meter`."""

from __future__ import annotations

from typing import Final

import strawberry

from graphql_api.compiler.arguments import Lookup, LookupReader
from graphql_api.fields import argument, root_one
from graphql_api.filters import plain_text
from graphql_api.ids import key_of, parse_number
from graphql_api.metering.types import Meter, UsagePoint

_USAGE_POINT: Final = LookupReader(
    (
        Lookup("id", lambda value: parse_number(key_of(value, "UsagePoint")), "id"),
        Lookup("subscription_no", lambda value: plain_text(value, "subscriptionNo"), "subscription_no"),
    )
)
_METER: Final = LookupReader(
    (
        Lookup("id", lambda value: parse_number(key_of(value, "Meter")), "id"),
        Lookup("serial_no", lambda value: plain_text(value, "serialNo"), "serial_no"),
    )
)


@strawberry.type
class MeteringQueries:
    usage_point: UsagePoint | None = root_one(
        _USAGE_POINT,
        "The usage point of an id or a subscription number; give one of them. Null where there is none.",
        argument("id", strawberry.ID | None, "Global id of the usage point."),
        argument("subscription_no", str | None, "Subscription number («شماره اشتراک»), as stored."),
    )
    meter: Meter | None = root_one(
        _METER,
        "The meter of an id or a serial number; give one of them. Null where there is none.",
        argument("id", strawberry.ID | None, "Global id of the meter."),
        argument("serial_no", str | None, "Body number («شماره بدنه»), as stored."),
    )
