"""Visits to the site of a case: ordered, withdrawn, and what they found."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import func, insert, select, update

from tarazu.cases.desk import Desk, Target
from tarazu.cases.refusals import InvalidInputError, InvalidTransitionError
from tarazu.cases.states import VERB_OF_OUTCOME, Verb
from tarazu.cases.texts import (
    COMMENT_LENGTH_MAX,
    NAME_LENGTH_MAX,
    SEAL_LENGTH_MAX,
    cleaned,
    cleaned_or_none,
)
from tarazu.errors import NotFoundError
from tarazu.models import (
    AgreementUsagePoint,
    Case,
    Inspection,
    InspectionMeasurement,
    InspectionSeal,
    SupplyAgreement,
    UsagePoint,
)
from tarazu.models.enums import (
    LIVE_CASE_STATES,
    CaseState,
    DismissReason,
    InspectionOutcome,
    MeasuredQuantity,
)
from tarazu.security import row_scope
from tarazu.security.permissions import Permission

MEASUREMENTS_MAX: Final = 50
SEALS_MAX: Final = 20
# As the CHECK of inspection_measurement.
_VALUE_MAX: Final = 1e12


@dataclass(frozen=True, slots=True)
class Measurement:
    """A value in the unit of the quantity's name. `phase` 1 to 3; 0: of all phases together, or of the meter."""

    quantity: MeasuredQuantity
    value: float
    phase: int = 0


@dataclass(frozen=True, slots=True)
class VisitResult:
    """What an inspector has seen."""

    outcome: InspectionOutcome
    inspected_on: dt.date
    inspector_name: str | None = None
    """None: the principal."""
    unregistered_energy_kwh: float | None = None
    note: str | None = None
    measurements: Sequence[Measurement] = ()
    seal_numbers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Recorded:
    inspection: Inspection
    case: Case | None
    """None where the inspection belongs to none."""
    next_inspection: Inspection | None
    """Ordered because there was no access."""


async def order_inspection(
    desk: Desk, target: Target, usage_point_id: int | None = None
) -> tuple[Case, Inspection]:
    """Order a visit to the usage point of a case; for another subject, to the one of its points that is named."""
    desk.principal.require(Permission.ORDER_INSPECTIONS)
    (case,) = await desk.take(target)
    place = await _place(desk, case, usage_point_id)
    desk.move(case, Verb.ORDER_INSPECTION)
    return case, await _order(desk, case, place)


async def record_outcome(
    desk: Desk, inspection_id: int, result: VisitResult, expected_case_version: int | None = None
) -> Recorded:
    """Keep what a visit found, once, and move its case accordingly (`tarazu.cases.states`).

    No access: the case waits for another visit, which is ordered at once. A result of a visit that was withdrawn is kept too.
    """
    desk.principal.require(Permission.RECORD_INSPECTIONS)
    _check(result, desk.today)
    inspector = cleaned(result.inspector_name or desk.principal.name, "inspectorName", NAME_LENGTH_MAX)
    note = cleaned_or_none(result.note, "note", COMMENT_LENGTH_MAX, lines=True)
    seals = [cleaned(seal, "sealNumbers", SEAL_LENGTH_MAX) for seal in result.seal_numbers]

    case = await _case_of(desk, inspection_id, expected_case_version)
    # The case is locked before, as everywhere, so that two desks do not wait for each other.
    inspection = await desk.session.scalar(
        select(Inspection)
        .where(Inspection.id == inspection_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    assert inspection is not None
    if inspection.outcome is not None:
        raise InvalidTransitionError(
            f"The result of inspection {inspection.inspection_no} is recorded already, and stays.",
            state=None if case is None else case.state,
            mend="Order another inspection.",
        )
    if inspection.ordered_on is not None and result.inspected_on < inspection.ordered_on:
        raise InvalidInputError(
            f"`inspectedOn` is before {inspection.ordered_on}, the day of the order.", field="inspectedOn"
        )
    inspection.outcome = result.outcome
    inspection.inspected_on = result.inspected_on
    inspection.inspector_name = inspector
    inspection.unregistered_energy_kwh = result.unregistered_energy_kwh
    inspection.note = note
    await desk.session.flush()
    await _keep_values(desk, inspection, result.measurements, seals)
    desk.note("inspection.record", "inspection", str(inspection.id), {"outcome": result.outcome.value})
    following = None if case is None else await _move(desk, case, inspection, result.outcome)
    return Recorded(inspection, case, following)


async def withdraw_visits(desk: Desk, case: Case) -> None:
    """Nobody need go any more to where the case sent somebody."""
    await desk.session.execute(
        update(Inspection)
        .where(Inspection.case_id == case.id, Inspection.outcome.is_(None), Inspection.withdrawn_on.is_(None))
        .values(withdrawn_on=desk.today)
        .execution_options(synchronize_session="fetch")
    )


async def _move(
    desk: Desk, case: Case, inspection: Inspection, outcome: InspectionOutcome
) -> Inspection | None:
    """The case after the visit; the next visit, if it waits for one."""
    before = desk.move(case, VERB_OF_OUTCOME[outcome], inspection=inspection.id, outcome=outcome.value)
    if case.state is before:
        awaited = case.state is CaseState.INSPECTION_ORDERED and inspection.withdrawn_on is None
        return await _order(desk, case, inspection.usage_point_id) if awaited else None
    case.closed_reason = f"inspection {inspection.inspection_no}: {outcome.value}"
    if case.state is CaseState.DISMISSED:
        case.dismiss_reason = DismissReason.INSPECTED_CLEAN
    if before in LIVE_CASE_STATES:
        await withdraw_visits(desk, case)
    await desk.session.flush()
    return None


async def _order(desk: Desk, case: Case, usage_point_id: int) -> Inspection:
    # The number is made of the id, so the id is drawn first.
    new_id = await desk.session.scalar(select(func.nextval(func.pg_get_serial_sequence("inspection", "id"))))
    ordered = Inspection(
        id=new_id,
        inspection_no=f"TRZ-{new_id:08d}",
        usage_point_id=usage_point_id,
        case_id=case.id,
        ordered_on=desk.today,
    )
    desk.session.add(ordered)
    await desk.session.flush()
    desk.note("inspection.order", "inspection", str(new_id), {"case": str(case.id)})
    return ordered


async def _case_of(desk: Desk, inspection_id: int, expected_version: int | None) -> Case | None:
    """The case of an inspection in scope, locked. Raises NotFoundError, ConflictError."""
    condition = row_scope.of_usage_point(Inspection.__table__.c, desk.scope)
    statement = select(Inspection.case_id).where(Inspection.id == inspection_id)
    found = (
        await desk.session.execute(statement if condition is None else statement.where(condition))
    ).one_or_none()
    if found is None:
        raise NotFoundError("There is no such inspection.", mend="Use an id as the API gave it.")
    if found.case_id is None:
        return None
    (case,) = await desk.take(Target(found.case_id, expected_version))
    return case


async def _place(desk: Desk, case: Case, given: int | None) -> int:
    """The usage point to visit. Raises InvalidInputError where it is not one of the case's subject."""
    if case.usage_point_id is not None:
        if given not in (None, case.usage_point_id):
            raise InvalidInputError("The case is about another usage point.", field="usagePointId")
        return case.usage_point_id
    if given is None:
        raise InvalidInputError(
            f"Case {case.case_no} is about a {case.subject_kind.value}: say which usage point to visit.",
            field="usagePointId",
        )
    statement = select(UsagePoint.id).where(UsagePoint.id == given)
    if case.transformer_id is not None:
        statement = statement.where(UsagePoint.transformer_id == case.transformer_id)
    else:
        statement = (
            statement.join(AgreementUsagePoint, AgreementUsagePoint.usage_point_id == UsagePoint.id)
            .join(SupplyAgreement, SupplyAgreement.id == AgreementUsagePoint.agreement_id)
            .where(SupplyAgreement.customer_id == case.customer_id)
        )
    condition = row_scope.usage_point(UsagePoint.__table__.c, desk.scope)
    found = await desk.session.scalar(
        (statement if condition is None else statement.where(condition)).limit(1)
    )
    if found is None:
        raise InvalidInputError("The usage point is not one of the case's subject.", field="usagePointId")
    return given


async def _keep_values(
    desk: Desk, inspection: Inspection, measurements: Sequence[Measurement], seals: Sequence[str]
) -> None:
    if measurements:
        await desk.session.execute(
            insert(InspectionMeasurement),
            [
                {
                    "inspection_id": inspection.id,
                    "quantity": measured.quantity,
                    "phase": measured.phase,
                    "value": measured.value,
                }
                for measured in measurements
            ],
        )
    if seals:
        await desk.session.execute(
            insert(InspectionSeal),
            [{"inspection_id": inspection.id, "seal_no": seal} for seal in dict.fromkeys(seals)],
        )


def _check(result: VisitResult, today: dt.date) -> None:
    if result.inspected_on > today:
        raise InvalidInputError("`inspectedOn` is in the future.", field="inspectedOn")
    energy = result.unregistered_energy_kwh
    if energy is not None and not 0 <= energy <= _VALUE_MAX:
        raise InvalidInputError(
            "`unregisteredEnergyKwh` must be a number from 0 up.", field="unregisteredEnergyKwh"
        )
    if energy and result.outcome in (InspectionOutcome.CLEAN, InspectionOutcome.NO_ACCESS):
        raise InvalidInputError(
            f"With {result.outcome.name} there is no unregistered energy.", field="unregisteredEnergyKwh"
        )
    if len(result.measurements) > MEASUREMENTS_MAX:
        raise InvalidInputError(f"At most {MEASUREMENTS_MAX} `measurements`.", field="measurements")
    if len(result.seal_numbers) > SEALS_MAX:
        raise InvalidInputError(f"At most {SEALS_MAX} `sealNumbers`.", field="sealNumbers")
    if result.measurements and result.outcome is InspectionOutcome.NO_ACCESS:
        raise InvalidInputError("Without access nothing was measured.", field="measurements")
    seen = set()
    for measured in result.measurements:
        if not 0 <= measured.phase <= 3:
            raise InvalidInputError("`phase` is 1 to 3, or 0 for all together.", field="measurements")
        if not math.isfinite(measured.value) or abs(measured.value) > _VALUE_MAX:
            raise InvalidInputError(f"{measured.quantity.name} is no possible value.", field="measurements")
        if (measured.quantity, measured.phase) in seen:
            raise InvalidInputError(
                f"{measured.quantity.name} of phase {measured.phase} is given twice.", field="measurements"
            )
        seen.add((measured.quantity, measured.phase))
