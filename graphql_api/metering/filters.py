"""What lists of usage points, meters, readings and events can be filtered by."""

from __future__ import annotations

import strawberry
from strawberry import UNSET

from graphql_api.filters import AND, NOT, OR, DateFilter, Filter, StringFilter
from tarazu.models.enums import Commodity, EndDeviceEventKind, ReadingQuality, Register


@strawberry.input(description="Which usage points; all fields given must hold.")
class UsagePointFilter:
    commodity: Filter[Commodity] | None = strawberry.field(default=UNSET, description="What is supplied.")
    subscription_no: StringFilter | None = strawberry.field(
        default=UNSET, description="Subscription number («شماره اشتراک»)."
    )
    district_code: StringFilter | None = strawberry.field(default=UNSET, description="Code of the district.")
    transformer_code: StringFilter | None = strawberry.field(
        default=UNSET, description="Code of the transformer."
    )
    energised_on: DateFilter | None = strawberry.field(default=UNSET, description="Day of first supply.")
    and_: list[UsagePointFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[UsagePointFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: UsagePointFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)


@strawberry.input(description="Which meters; all fields given must hold.")
class MeterFilter:
    serial_no: StringFilter | None = strawberry.field(
        default=UNSET, description="Body number («شماره بدنه»)."
    )
    manufacturer: StringFilter | None = strawberry.field(default=UNSET, description="Who made it.")
    model: StringFilter | None = strawberry.field(default=UNSET, description="The manufacturer's model.")
    is_smart: Filter[bool] | None = strawberry.field(
        default=UNSET, description="Whether it is read from afar."
    )
    and_: list[MeterFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[MeterFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: MeterFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)


@strawberry.input(description="Which readings; all fields given must hold.")
class MeterReadingFilter:
    read_on: DateFilter | None = strawberry.field(default=UNSET, description="Day of the reading.")
    register: Filter[Register] | None = strawberry.field(default=UNSET, description="Which register.")
    quality: Filter[ReadingQuality] | None = strawberry.field(
        default=UNSET, description="How the reading came about."
    )
    and_: list[MeterReadingFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[MeterReadingFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: MeterReadingFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)


@strawberry.input(description="Which events; all fields given must hold.")
class EndDeviceEventFilter:
    kind: Filter[EndDeviceEventKind] | None = strawberry.field(default=UNSET, description="What happened.")
    and_: list[EndDeviceEventFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[EndDeviceEventFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: EndDeviceEventFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)
