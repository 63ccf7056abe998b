"""Reads of usage points, their terms, meters, readings and events."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final

from sqlalchemy import or_, select

from tarazu.database import ReadSession
from tarazu.fetching import ByKey, Children
from tarazu.models import (
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


_USAGE_POINT_ORDER: Final = Order("usage_point", ("id",), (int,))
usage_points_of_districts: Final = Children(UsagePoint, UsagePoint.district_id, _USAGE_POINT_ORDER)
usage_points_of_transformers: Final = Children(UsagePoint, UsagePoint.transformer_id, _USAGE_POINT_ORDER)

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
