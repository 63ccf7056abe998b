"""Reads of usage points, their terms, meters, readings and events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Select, or_, select

from tarazu.customer_service.search import Search, finds_meter, finds_usage_point
from tarazu.database import ReadSession
from tarazu.fetching import ByKey, Children
from tarazu.filtering import Condition, Field, column, related, where
from tarazu.models import (
    DistributionTransformer,
    District,
    EndDeviceEvent,
    Meter,
    MeterInstallation,
    MeterMultiplier,
    MeterReading,
    UsagePoint,
    UsagePointStatus,
    UsagePointTerm,
)
from tarazu.paging import Order

usage_points_by_id: Final = ByKey(UsagePoint, UsagePoint.id)
usage_points_by_subscription_no: Final = ByKey(UsagePoint, UsagePoint.subscription_no)
meters_by_id: Final = ByKey(Meter, Meter.id)
installations_by_id: Final = ByKey(MeterInstallation, MeterInstallation.id)
readings_by_id: Final = ByKey(MeterReading, MeterReading.id)
events_by_id: Final = ByKey(EndDeviceEvent, EndDeviceEvent.id)


def _newest(name: str, day: str) -> Order:
    return Order(name, (day, "id"), (dt.date, int), descending=True)


USAGE_POINT_ORDER: Final = Order("usage_point", ("id",), (int,))
USAGE_POINT_FIELDS: Final[dict[str, Field]] = {
    "subscription_no": column(UsagePoint.subscription_no),
    "bill_id": column(UsagePoint.bill_id),
    "commodity": column(UsagePoint.commodity),
    "activity_code": column(UsagePoint.activity_code),
    "energised_on": column(UsagePoint.energised_on),
    "district_code": related(UsagePoint.district_id, District.id, District.code),
    "transformer_code": related(
        UsagePoint.transformer_id, DistributionTransformer.id, DistributionTransformer.code
    ),
}
METER_ORDER: Final = Order("meter", ("id",), (int,))
METER_FIELDS: Final[dict[str, Field]] = {
    "serial_no": column(Meter.serial_no),
    "manufacturer": column(Meter.manufacturer),
    "model": column(Meter.model),
    "is_smart": column(Meter.is_smart),
}
usage_points_of_districts: Final = Children(UsagePoint, UsagePoint.district_id, USAGE_POINT_ORDER)
usage_points_of_transformers: Final = Children(UsagePoint, UsagePoint.transformer_id, USAGE_POINT_ORDER)

terms_of_usage_points: Final = Children(
    UsagePointTerm, UsagePointTerm.usage_point_id, _newest("term", "valid_from")
)
statuses_of_usage_points: Final = Children(
    UsagePointStatus, UsagePointStatus.usage_point_id, _newest("status", "valid_from")
)
_INSTALLATION_ORDER: Final = _newest("installation", "valid_from")
installations_of_usage_points: Final = Children(
    MeterInstallation, MeterInstallation.usage_point_id, _INSTALLATION_ORDER
)
installations_of_meters: Final = Children(MeterInstallation, MeterInstallation.meter_id, _INSTALLATION_ORDER)
multipliers_of_installations: Final = Children(
    MeterMultiplier, MeterMultiplier.installation_id, _newest("multiplier", "valid_from")
)
readings_of_installations: Final = Children(
    MeterReading, MeterReading.installation_id, _newest("reading", "read_on")
)
events_of_meters: Final = Children(
    EndDeviceEvent,
    EndDeviceEvent.meter_id,
    Order("event", ("occurred_at", "id"), (dt.datetime, int), descending=True),
)


def usage_points(condition: Condition, search: Search | None = None) -> Select[UsagePoint]:
    """Usage points that meet the condition and the search (`tarazu.customer_service.search`)."""
    statement = select(UsagePoint).where(where(condition, USAGE_POINT_FIELDS))
    return statement if search is None else statement.where(finds_usage_point(search))


def meters(condition: Condition, search: Search | None = None) -> Select[Meter]:
    """Meters that meet the condition and the search (`tarazu.customer_service.search`)."""
    statement = select(Meter).where(where(condition, METER_FIELDS))
    return statement if search is None else statement.where(finds_meter(search))


async def current_terms(
    session: ReadSession, usage_points: Sequence[int], on: dt.date
) -> dict[int, UsagePointTerm]:
    """The terms in force at each point on that day; a point without any is left out."""
    statement = (
        select(UsagePointTerm)
        .where(
            UsagePointTerm.usage_point_id.in_(usage_points),
            UsagePointTerm.valid_from <= on,
            or_(UsagePointTerm.valid_to.is_(None), UsagePointTerm.valid_to > on),
        )
        # Where two periods overlap, the newer one comes last and stays.
        .order_by(UsagePointTerm.valid_from, UsagePointTerm.id)
    )
    return {term.usage_point_id: term for term in await session.scalars(statement)}
