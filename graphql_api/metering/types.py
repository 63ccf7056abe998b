"""UsagePoint with its terms and statuses, Meter, MeterInstallation, MeterReading, EndDeviceEvent."""

from __future__ import annotations

import datetime as dt
from typing import Any

import strawberry
from strawberry import UNSET

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, children
from graphql_api.context import Info
from graphql_api.fields import jalali, masked, resolver
from graphql_api.nodes import Node
from graphql_api.refs import (
    CaseRef,
    CustomerRef,
    DistributionTransformerRef,
    DistrictRef,
    EndDeviceEventRef,
    InspectionRef,
    InvoiceRef,
    MeterInstallationRef,
    MeterReadingRef,
    PaymentRef,
    SupplyRef,
)
from tarazu import models
from tarazu.billing.repository import invoices_of_usage_points, payments_of_usage_points
from tarazu.cases.repository import cases_of_usage_points, inspections_of_usage_points
from tarazu.customer_service.repository import current_customers, supplies_of_usage_points
from tarazu.metering import repository
from tarazu.models.enums import (
    Commodity,
    EndDeviceEventKind,
    ReadingQuality,
    Register,
    Segment,
    TariffClass,
    UsagePointStatusKind,
)
from tarazu.network.repository import districts_by_id, transformers_by_id

_VALID_FROM = "First day of the period."
_VALID_TO = "First day after the period; null while it lasts."


@strawberry.type(description="Tariff and power of a usage point in a period.")
class UsagePointTerm:
    valid_from: dt.date = strawberry.field(description=_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = strawberry.field(description=_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")
    tariff_class: TariffClass = strawberry.field(description="Class of use.")
    tariff_code: str | None = strawberry.field(description="The company's tariff code («کد تعرفه»).")
    tariff_option: int | None = strawberry.field(description="Option within the tariff («گزینه»), 1 to 9.")
    contracted_power_kw: float | None = strawberry.field(
        description="Contracted power («قدرت قراردادی»), kW."
    )
    permitted_power_kw: float | None = strawberry.field(
        description="Power permitted by the operating licence («قدرت پروانه»), kW."
    )
    segment: Segment = strawberry.field(description="DEMAND above 30 kW of contracted power, else ORDINARY.")


@strawberry.type(description="A circumstance of a usage point in a period.")
class UsagePointStatus:
    kind: UsagePointStatusKind = strawberry.field(description="Which circumstance.")
    valid_from: dt.date = strawberry.field(description=_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = strawberry.field(description=_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")


@strawberry.type(description="A point of supply («انشعاب»; IEC CIM UsagePoint).")
class UsagePoint(Node, model=models.UsagePoint, fetch=repository.usage_points_by_id):
    subscription_no: str = strawberry.field(description="Subscription number («شماره اشتراک»); unique.")
    commodity: Commodity = strawberry.field(description="What is supplied.")
    phase_count: int | None = strawberry.field(description="Phases of the connection, 1 or 3.")
    activity_code: str | None = strawberry.field(description="Code of the economic activity at the point.")
    address: str | None = strawberry.field(description="Postal address as the source writes it.")
    latitude: float | None = strawberry.field(description="Latitude in degrees (WGS 84), north positive.")
    longitude: float | None = strawberry.field(description="Longitude in degrees (WGS 84), east positive.")
    energised_on: dt.date | None = strawberry.field(description="Day of first supply.")
    energised_on_jalali: str | None = jalali("energised_on")

    @resolver(description="Bill id («شناسه قبض»), all but the last four digits as `*`.")
    @staticmethod
    def bill_id_masked(root: strawberry.Parent[models.UsagePoint]) -> str | None:
        return masked(root.bill_id)

    @resolver(description="The distribution district that cares for the point.", graphql_type=DistrictRef)
    @staticmethod
    async def district(root: strawberry.Parent[models.UsagePoint], info: Info) -> models.District | None:
        return await info.context.load(districts_by_id, root.district_id)

    @resolver(
        description="The transformer that feeds the point; null where the source does not say.",
        graphql_type=DistributionTransformerRef | None,
    )
    @staticmethod
    async def transformer(
        root: strawberry.Parent[models.UsagePoint], info: Info
    ) -> models.DistributionTransformer | None:
        if root.transformer_id is None:
            return None
        return await info.context.load(transformers_by_id, root.transformer_id)

    @resolver(
        description="The customer who is supplied at the point today; null where nobody is.",
        graphql_type=CustomerRef | None,
    )
    @staticmethod
    async def customer(root: strawberry.Parent[models.UsagePoint], info: Info) -> models.Customer | None:
        return await info.context.load(current_customers, root.id, info.context.today)

    @resolver(
        description="Which agreements supplied the point, and when; the newest first.",
        graphql_type=Connection[SupplyRef],
    )
    @staticmethod
    def supplies(
        root: strawberry.Parent[models.UsagePoint], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, supplies_of_usage_points, root.id, first, after)

    @resolver(
        description="Tariff and power in force today; null where none are.",
        graphql_type=UsagePointTerm | None,
    )
    @staticmethod
    async def term(root: strawberry.Parent[models.UsagePoint], info: Info) -> models.UsagePointTerm | None:
        return await info.context.load(repository.current_terms, root.id, info.context.today)

    @resolver(description="Tariff and power over time, the newest first.", graphql_type=list[UsagePointTerm])
    @staticmethod
    async def terms(root: strawberry.Parent[models.UsagePoint], info: Info) -> list[models.UsagePointTerm]:
        return await info.context.load(repository.terms_of_usage_points.lists, root.id) or []

    @resolver(
        description="Circumstances over time (cut, vacant, seasonal …), the newest first.",
        graphql_type=list[UsagePointStatus],
    )
    @staticmethod
    async def statuses(
        root: strawberry.Parent[models.UsagePoint], info: Info
    ) -> list[models.UsagePointStatus]:
        return await info.context.load(repository.statuses_of_usage_points.lists, root.id) or []

    @resolver(
        description="Meters that hang or hung at the point, the newest first.",
        graphql_type=Connection[MeterInstallationRef],
    )
    @staticmethod
    def installations(
        root: strawberry.Parent[models.UsagePoint], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.installations_of_usage_points, root.id, first, after)

    @resolver(
        description="Invoices of the point, the latest period first.", graphql_type=Connection[InvoiceRef]
    )
    @staticmethod
    def invoices(
        root: strawberry.Parent[models.UsagePoint], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, invoices_of_usage_points, root.id, first, after)

    @resolver(description="Payments for the point, the latest first.", graphql_type=Connection[PaymentRef])
    @staticmethod
    def payments(
        root: strawberry.Parent[models.UsagePoint], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, payments_of_usage_points, root.id, first, after)

    @resolver(description="Cases about the point, the newest first.", graphql_type=Connection[CaseRef])
    @staticmethod
    def cases(
        root: strawberry.Parent[models.UsagePoint], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, cases_of_usage_points, root.id, first, after)

    @resolver(
        description="Inspections of the point, the newest first.", graphql_type=Connection[InspectionRef]
    )
    @staticmethod
    def inspections(
        root: strawberry.Parent[models.UsagePoint], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, inspections_of_usage_points, root.id, first, after)


@strawberry.type(description="A meter («کنتور»; IEC CIM Meter); it can hang at several points in its life.")
class Meter(Node, model=models.Meter, fetch=repository.meters_by_id):
    serial_no: str = strawberry.field(description="Body number («شماره بدنه»); unique.")
    manufacturer: str | None = strawberry.field(description="Who made it.")
    model: str | None = strawberry.field(description="The manufacturer's model.")
    register_digits: int | None = strawberry.field(description="Whole digits of the register, 3 to 12.")
    is_smart: bool | None = strawberry.field(description="Whether it is read from afar.")

    @resolver(
        description="Where it hangs and hung, the newest first.",
        graphql_type=Connection[MeterInstallationRef],
    )
    @staticmethod
    def installations(
        root: strawberry.Parent[models.Meter], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.installations_of_meters, root.id, first, after)

    @resolver(
        description="What it reported of itself, the latest first.",
        graphql_type=Connection[EndDeviceEventRef],
    )
    @staticmethod
    def events(
        root: strawberry.Parent[models.Meter], info: Info, first: First = PAGE_SIZE, after: After = UNSET
    ) -> ConnectionOf[Any]:
        return children(info, repository.events_of_meters, root.id, first, after)


@strawberry.type(description="The factor from register difference to kWh in a period («ضریب کنتور»).")
class MeterMultiplier:
    valid_from: dt.date = strawberry.field(description=_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = strawberry.field(description=_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")
    multiplier: float = strawberry.field(description="kWh per unit of the register; above 0.")


@strawberry.type(description="A meter at a usage point in a period.")
class MeterInstallation(Node, model=models.MeterInstallation, fetch=repository.installations_by_id):
    valid_from: dt.date = strawberry.field(description=_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = strawberry.field(description=_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")

    @resolver(description="Where the meter hangs.", graphql_type=UsagePoint)
    @staticmethod
    async def usage_point(
        root: strawberry.Parent[models.MeterInstallation], info: Info
    ) -> models.UsagePoint | None:
        return await info.context.load(repository.usage_points_by_id, root.usage_point_id)

    @resolver(description="The meter.", graphql_type=Meter)
    @staticmethod
    async def meter(root: strawberry.Parent[models.MeterInstallation], info: Info) -> models.Meter | None:
        return await info.context.load(repository.meters_by_id, root.meter_id)

    @resolver(description="The multiplier over time, the newest first.", graphql_type=list[MeterMultiplier])
    @staticmethod
    async def multipliers(
        root: strawberry.Parent[models.MeterInstallation], info: Info
    ) -> list[models.MeterMultiplier]:
        return await info.context.load(repository.multipliers_of_installations.lists, root.id) or []

    @resolver(
        description="What the registers showed, the latest first.", graphql_type=Connection[MeterReadingRef]
    )
    @staticmethod
    def readings(
        root: strawberry.Parent[models.MeterInstallation],
        info: Info,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        return children(info, repository.readings_of_installations, root.id, first, after)


@strawberry.type(
    description="What a register showed on a day (IEC CIM MeterReading). Two values on one day are both kept."
)
class MeterReading(Node, model=models.MeterReading, fetch=repository.readings_by_id):
    read_on: dt.date = strawberry.field(description="Day of the reading.")
    read_on_jalali: str | None = jalali("read_on")
    register: Register = strawberry.field(description="Which register.")
    index_value: float = strawberry.field(
        description="What it showed, in the register's own unit; times the multiplier it is kWh, kvarh or kW."
    )
    quality: ReadingQuality = strawberry.field(description="How the reading came about.")
    meter_state_code: str | None = strawberry.field(
        description="The reader's code for the state of the meter, as the source writes it."
    )
    reader_note_code: str | None = strawberry.field(
        description="The reader's code for a remark, as the source writes it."
    )

    @resolver(description="The meter at its point.", graphql_type=MeterInstallation)
    @staticmethod
    async def installation(
        root: strawberry.Parent[models.MeterReading], info: Info
    ) -> models.MeterInstallation | None:
        return await info.context.load(repository.installations_by_id, root.installation_id)


@strawberry.type(description="What a meter reported of itself (IEC CIM EndDeviceEvent).")
class EndDeviceEvent(Node, model=models.EndDeviceEvent, fetch=repository.events_by_id):
    occurred_at: dt.datetime = strawberry.field(description="When, by the meter's clock, in UTC.")
    kind: EndDeviceEventKind = strawberry.field(description="What happened.")
    raw_code: str | None = strawberry.field(description="The vendor's own code of the event.")

    @resolver(description="The meter.", graphql_type=Meter)
    @staticmethod
    async def meter(root: strawberry.Parent[models.EndDeviceEvent], info: Info) -> models.Meter | None:
        return await info.context.load(repository.meters_by_id, root.meter_id)
