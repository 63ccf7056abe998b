"""UsagePoint with its terms and statuses, Meter, MeterInstallation, MeterReading, EndDeviceEvent."""

from __future__ import annotations

import datetime as dt
from typing import Final

import strawberry

from graphql_api.billing.filters import InvoiceFilter
from graphql_api.cases.filters import CaseFilter
from graphql_api.compiler.mapping import Relation
from graphql_api.connections import Connection
from graphql_api.fields import (
    CASE_GUARDS,
    PERSONAL,
    PERSONAL_NOTE,
    column,
    jalali,
    listed,
    many,
    masked,
    one,
)
from graphql_api.metering.filters import EndDeviceEventFilter, MeterReadingFilter
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
from graphql_api.rows import Node, Row
from tarazu import models
from tarazu.billing.repository import INVOICES_BY_PERIOD, PAYMENT_ORDER, invoice_fields
from tarazu.cases.fields import case_fields
from tarazu.cases.repository import CASES_NEWEST_FIRST, INSPECTION_ORDER
from tarazu.customer_service.repository import SUPPLY_ORDER
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
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

_VALID_FROM: Final = "First day of the period."
_VALID_TO: Final = "First day after the period; null while it lasts."

CURRENT_TERM: Final = Relation(
    models.UsagePointTerm,
    ("id",),
    lambda point, term, values: repository.is_term_in_force(point, term, values.today),
)
CURRENT_CUSTOMER: Final = Relation(
    models.Customer,
    ("id",),
    lambda point, customer, values: repository.is_customer_supplied(point, customer, values.today),
)


@strawberry.type(description="Tariff and power of a usage point in a period.")
class UsagePointTerm(
    Row,
    model=models.UsagePointTerm,
    scope=row_scope.of_usage_point,
    requires=Permission.READ_METERING,
):
    valid_from: dt.date = column(_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = column(_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")
    tariff_class: TariffClass = column("Class of use.")
    tariff_code: str | None = column("The company's tariff code («کد تعرفه»).")
    tariff_option: int | None = column("Option within the tariff («گزینه»), 1 to 9.")
    contracted_power_kw: float | None = column("Contracted power («قدرت قراردادی»), kW.")
    permitted_power_kw: float | None = column("Power permitted by the operating licence («قدرت پروانه»), kW.")
    segment: Segment = column("DEMAND above 30 kW of contracted power, else ORDINARY.")


@strawberry.type(description="A circumstance of a usage point in a period.")
class UsagePointStatus(
    Row,
    model=models.UsagePointStatus,
    scope=row_scope.of_usage_point,
    requires=Permission.READ_METERING,
):
    kind: UsagePointStatusKind = column("Which circumstance.")
    valid_from: dt.date = column(_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = column(_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")


@strawberry.type(description="A point of supply («انشعاب»; IEC CIM UsagePoint).")
class UsagePoint(
    Node, model=models.UsagePoint, scope=row_scope.usage_point, requires=Permission.READ_METERING
):
    subscription_no: str = column("Subscription number («شماره اشتراک»); unique.")
    commodity: Commodity = column("What is supplied.")
    phase_count: int | None = column("Phases of the connection, 1 or 3.")
    activity_code: str | None = column("Code of the economic activity at the point.")
    address: str | None = column(
        "Postal address as the source writes it." + PERSONAL_NOTE, name="address", guard=PERSONAL
    )
    latitude: float | None = column(
        "Latitude in degrees (WGS 84), north positive." + PERSONAL_NOTE, name="latitude", guard=PERSONAL
    )
    longitude: float | None = column(
        "Longitude in degrees (WGS 84), east positive." + PERSONAL_NOTE, name="longitude", guard=PERSONAL
    )
    energised_on: dt.date | None = column("Day of first supply.")
    energised_on_jalali: str | None = jalali("energised_on")
    bill_id: str | None = column("Bill id («شناسه قبض»)." + PERSONAL_NOTE, name="bill_id", guard=PERSONAL)
    bill_id_masked: str | None = masked(
        "bill_id", "Bill id («شناسه قبض»), all but the last four digits as `*`."
    )
    district: DistrictRef = one(
        models.UsagePoint.district, "The distribution district that cares for the point."
    )
    transformer: DistributionTransformerRef | None = one(
        models.UsagePoint.transformer,
        "The transformer that feeds the point; null where the source does not say.",
    )
    customer: CustomerRef | None = one(
        CURRENT_CUSTOMER, "The customer who is supplied at the point today; null where nobody is."
    )
    supplies: Connection[SupplyRef] = many(
        models.UsagePoint.supplies,
        SUPPLY_ORDER,
        "Which agreements supplied the point, and when; the newest first.",
    )
    term: UsagePointTerm | None = one(CURRENT_TERM, "Tariff and power in force today; null where none are.")
    terms: list[UsagePointTerm] = listed(
        models.UsagePoint.terms, repository.TERM_ORDER, "Tariff and power over time, the newest first."
    )
    statuses: list[UsagePointStatus] = listed(
        models.UsagePoint.statuses,
        repository.STATUS_ORDER,
        "Circumstances over time (cut, vacant, seasonal …), the newest first.",
    )
    installations: Connection[MeterInstallationRef] = many(
        models.UsagePoint.installations,
        repository.INSTALLATION_ORDER,
        "Meters that hang or hung at the point, the newest first.",
    )
    invoices: Connection[InvoiceRef] = many(
        models.UsagePoint.invoices,
        INVOICES_BY_PERIOD,
        "Invoices of the point, the latest period first.",
        filter_type=InvoiceFilter,
        fields=invoice_fields,
    )
    payments: Connection[PaymentRef] = many(
        models.UsagePoint.payments, PAYMENT_ORDER, "Payments for the point, the latest first."
    )
    cases: Connection[CaseRef] = many(
        models.UsagePoint.cases,
        CASES_NEWEST_FIRST,
        "Cases about the point, the newest first.",
        filter_type=CaseFilter,
        fields=case_fields,
        guards=CASE_GUARDS,
    )
    inspections: Connection[InspectionRef] = many(
        models.UsagePoint.inspections, INSPECTION_ORDER, "Inspections of the point, the newest first."
    )


@strawberry.type(description="A meter («کنتور»; IEC CIM Meter); it can hang at several points in its life.")
class Meter(Node, model=models.Meter, scope=row_scope.meter, requires=Permission.READ_METERING):
    serial_no: str = column("Body number («شماره بدنه»); unique.")
    manufacturer: str | None = column("Who made it.")
    model: str | None = column("The manufacturer's model.")
    register_digits: int | None = column("Whole digits of the register, 3 to 12.")
    is_smart: bool | None = column("Whether it is read from afar.")
    installations: Connection[MeterInstallationRef] = many(
        models.Meter.installations,
        repository.INSTALLATION_ORDER,
        "Where it hangs and hung, the newest first.",
    )
    events: Connection[EndDeviceEventRef] = many(
        models.Meter.events,
        repository.EVENT_ORDER,
        "What it reported of itself, the latest first.",
        filter_type=EndDeviceEventFilter,
        fields=repository.event_fields,
    )


@strawberry.type(description="The factor from register difference to kWh in a period («ضریب کنتور»).")
class MeterMultiplier(
    Row,
    model=models.MeterMultiplier,
    scope=row_scope.of_installation,
    requires=Permission.READ_METERING,
):
    valid_from: dt.date = column(_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = column(_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")
    multiplier: float = column("kWh per unit of the register; above 0.")


@strawberry.type(description="A meter at a usage point in a period.")
class MeterInstallation(
    Node,
    model=models.MeterInstallation,
    scope=row_scope.of_usage_point,
    requires=Permission.READ_METERING,
):
    valid_from: dt.date = column(_VALID_FROM)
    valid_from_jalali: str | None = jalali("valid_from")
    valid_to: dt.date | None = column(_VALID_TO)
    valid_to_jalali: str | None = jalali("valid_to")
    usage_point: UsagePoint = one(models.MeterInstallation.usage_point, "Where the meter hangs.")
    meter: Meter = one(models.MeterInstallation.meter, "The meter.")
    multipliers: list[MeterMultiplier] = listed(
        models.MeterInstallation.multipliers,
        repository.MULTIPLIER_ORDER,
        "The multiplier over time, the newest first.",
    )
    readings: Connection[MeterReadingRef] = many(
        models.MeterInstallation.readings,
        repository.READING_ORDER,
        "What the registers showed, the latest first.",
        filter_type=MeterReadingFilter,
        fields=repository.reading_fields,
    )


@strawberry.type(
    description="What a register showed on a day (IEC CIM MeterReading). Two values on one day are both kept."
)
class MeterReading(
    Node,
    model=models.MeterReading,
    scope=row_scope.of_installation,
    requires=Permission.READ_METERING,
):
    read_on: dt.date = column("Day of the reading.")
    read_on_jalali: str | None = jalali("read_on")
    register: Register = column("Which register.")
    index_value: float = column(
        "What it showed, in the register's own unit; times the multiplier it is kWh, kvarh or kW."
    )
    quality: ReadingQuality = column("How the reading came about.")
    meter_state_code: str | None = column(
        "The reader's code for the state of the meter, as the source writes it."
    )
    reader_note_code: str | None = column("The reader's code for a remark, as the source writes it.")
    installation: MeterInstallation = one(models.MeterReading.installation, "The meter at its point.")


@strawberry.type(description="What a meter reported of itself (IEC CIM EndDeviceEvent).")
class EndDeviceEvent(
    Node, model=models.EndDeviceEvent, scope=row_scope.of_meter, requires=Permission.READ_METERING
):
    occurred_at: dt.datetime = column("When, by the meter's clock, in UTC.")
    kind: EndDeviceEventKind = column("What happened.")
    raw_code: str | None = column("The vendor's own code of the event.")
    meter: Meter = one(models.EndDeviceEvent.meter, "The meter.")
