"""Inspection with what was measured and sealed."""

from __future__ import annotations

import datetime as dt

import strawberry

from graphql_api.fields import column, jalali, listed, one
from graphql_api.refs import CaseRef, UsagePointRef
from graphql_api.rows import Node, Row
from tarazu import models
from tarazu.cases import repository
from tarazu.models.enums import InspectionOutcome, MeasuredQuantity
from tarazu.security import row_scope
from tarazu.security.permissions import Permission


@strawberry.type(description="A value measured on site.")
class InspectionMeasurement(
    Row,
    model=models.InspectionMeasurement,
    scope=row_scope.of_parent,
    requires=Permission.READ_INSPECTIONS,
):
    quantity: MeasuredQuantity = column("What was measured; the name holds the unit.")
    phase: int = column("Phase 1 to 3; 0 is of all together.")
    value: float = column("The value, in the unit of the quantity.")


@strawberry.type(description="The number of a seal that the inspector left at the meter («پلمپ»).")
class InspectionSeal(
    Row, model=models.InspectionSeal, scope=row_scope.of_parent, requires=Permission.READ_INSPECTIONS
):
    seal_no: str = column("Number of the seal.")


@strawberry.type(description="A visit to a usage point and what it found («بازرسی»).")
class Inspection(
    Node, model=models.Inspection, scope=row_scope.of_usage_point, requires=Permission.READ_INSPECTIONS
):
    inspection_no: str = column("Number of the inspection; unique.")
    ordered_on: dt.date | None = column("Day it was ordered.")
    ordered_on_jalali: str | None = jalali("ordered_on")
    inspected_on: dt.date | None = column("Day of the visit; null before it.")
    inspected_on_jalali: str | None = jalali("inspected_on")
    outcome: InspectionOutcome | None = column("What was found; null before the visit.")
    unregistered_energy_kwh: float | None = column(
        "Energy that was used and not registered («انرژی ثبت‌نشده»), kWh."
    )
    note: str | None = column("The inspector's own words.")
    inspector_name: str | None = column("Who went; null before the visit, or where the source does not say.")
    withdrawn_on: dt.date | None = column("Day on which the order was withdrawn; null where it stands.")
    withdrawn_on_jalali: str | None = jalali("withdrawn_on")
    measurements: list[InspectionMeasurement] = listed(
        models.Inspection.measurements, repository.MEASUREMENT_ORDER, "What was measured on site."
    )
    seals: list[InspectionSeal] = listed(
        models.Inspection.seals, repository.SEAL_ORDER, "Seals that were left at the meter."
    )

    usage_point: UsagePointRef = one(models.Inspection.usage_point, "Where it was.")
    case: CaseRef | None = one(models.Inspection.case, "The case that led to it; null where none did.")
