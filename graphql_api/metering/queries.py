"""`usagePoint`, `usagePoints`, `meter`, `meters`."""

from __future__ import annotations

from typing import Final

import strawberry
from strawberry import UNSET

from graphql_api.compiler.arguments import Lookup, LookupReader, PageReader
from graphql_api.connections import Connection
from graphql_api.fields import root_many, root_one
from graphql_api.filters import plain_text
from graphql_api.ids import key_of, parse_number
from graphql_api.metering.filters import MeterFilter, UsagePointFilter
from graphql_api.metering.types import Meter, UsagePoint
from graphql_api.parameters import argument
from graphql_api.search import SEARCH_DESCRIPTION, search_by
from tarazu.customer_service.search import finds_meter, finds_usage_point
from tarazu.metering import repository

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
_USAGE_POINTS: Final = PageReader(
    {UNSET: repository.USAGE_POINT_ORDER},
    fields=repository.usage_point_fields,
    search=search_by(finds_usage_point),
)
_METERS: Final = PageReader(
    {UNSET: repository.METER_ORDER}, fields=repository.meter_fields, search=search_by(finds_meter)
)


@strawberry.type
class MeteringQueries:
    usage_point: UsagePoint | None = root_one(
        _USAGE_POINT,
        "The usage point of an id or a subscription number; give one of them. Null where there is none.",
        argument("id", strawberry.ID | None, "Global id of the usage point."),
        argument("subscription_no", str | None, "Subscription number («شماره اشتراک»), as stored."),
    )
    usage_points: Connection[UsagePoint] = root_many(
        _USAGE_POINTS,
        "Usage points, a page of them.",
        argument("search", str | None, SEARCH_DESCRIPTION),
        argument("filter", UsagePointFilter | None, "Which usage points; without it, all."),
    )
    meter: Meter | None = root_one(
        _METER,
        "The meter of an id or a serial number; give one of them. Null where there is none.",
        argument("id", strawberry.ID | None, "Global id of the meter."),
        argument("serial_no", str | None, "Body number («شماره بدنه»), as stored."),
    )
    meters: Connection[Meter] = root_many(
        _METERS,
        "Meters, a page of them.",
        argument("search", str | None, SEARCH_DESCRIPTION),
        argument("filter", MeterFilter | None, "Which meters; without it, all."),
    )
