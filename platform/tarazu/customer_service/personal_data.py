"""What is kept of a person: all of it for the person who asks, or nothing more that tells who it is.

Bills, readings and cases are the company's own records and stay; what goes is what says whose they were. A later import
brings back what the source still has: the source has to forget the person first.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, Text, and_, cast, false, func, or_, select, update

from tarazu.database import ReadSession, WriteSession
from tarazu.errors import NotFoundError
from tarazu.models import (
    AgreementUsagePoint,
    Case,
    Customer,
    Invoice,
    Payment,
    QuarantinedRow,
    SupplyAgreement,
    UsagePoint,
)
from tarazu.security.audit import AuditAction, AuditEntry, record
from tarazu.security.principal import Principal
from tarazu.text import search_key

_CUSTOMER: Final = ("customer_no", "kind", "sector", "name", "national_id", "legal_entity_id", "mobile")
_POINT: Final = ("subscription_no", "bill_id", "address", "latitude", "longitude")
_INVOICE: Final = ("invoice_no", "period_start", "period_end", "consumption_kwh", "payable_rial")
_PAYMENT: Final = ("payment_no", "paid_on", "amount_rial", "channel")
_CASE: Final = ("case_no", "family", "state", "subject_key", "opened_on", "closed_reason")


@dataclass(frozen=True, slots=True)
class Pseudonymised:
    """What was made unknown: the name that stands there now, and how many rows lost what."""

    pseudonym: str
    usage_points: int
    """Points that lost their address: those that supply nobody else since."""
    quarantined_rows: int
    """Refused rows that lost their values, because an identifier of the person stood in them."""


async def export_person(session: WriteSession, by: Principal, customer_no: str) -> dict[str, Any]:
    """Everything that is kept of a customer, by the kinds of rows. Its reading is audited in the same transaction.

    Raises NotFoundError.
    """
    customer = await _customer(session, customer_no)
    supplied = _supplied(customer)
    during = and_(
        Payment.paid_on >= AgreementUsagePoint.valid_from,
        or_(AgreementUsagePoint.valid_to.is_(None), Payment.paid_on < AgreementUsagePoint.valid_to),
    )
    agreements = select(SupplyAgreement.id).where(SupplyAgreement.customer_id == customer.id)
    payments = (
        select(Payment)
        .distinct()
        .join(AgreementUsagePoint, AgreementUsagePoint.usage_point_id == Payment.usage_point_id)
        .where(AgreementUsagePoint.agreement_id.in_(agreements), during)
        .order_by(Payment.paid_on, Payment.id)
    )
    exported: dict[str, Any] = {
        "customer": _named(customer, _CUSTOMER),
        "agreements": [
            _named(row, ("agreement_no", "signed_on"))
            for row in await session.scalars(
                select(SupplyAgreement).where(SupplyAgreement.customer_id == customer.id)
            )
        ],
        "usage_points": await _all(session, select(UsagePoint).where(UsagePoint.id.in_(supplied)), _POINT),
        "invoices": await _all(
            session,
            select(Invoice).where(Invoice.agreement_id.in_(agreements)).order_by(Invoice.period_end),
            _INVOICE,
        ),
        "payments": await _all(session, payments, _PAYMENT),
        "cases": await _all(session, select(Case).where(Case.customer_id == customer.id), _CASE),
    }
    await record(
        session,
        [
            AuditEntry(
                AuditAction.SENSITIVE_READ, by, "customer", str(customer.id), {"fields": ["everything"]}
            )
        ],
    )
    return exported


async def pseudonymise_person(session: WriteSession, by: Principal, customer_no: str) -> Pseudonymised:
    """Replace what identifies a customer. It cannot be undone; done twice, it changes only the pseudonym.

    Raises NotFoundError.
    """
    customer = await _customer(session, customer_no)
    pseudonym = f"pseudonym {secrets.token_hex(4)}"
    known = [
        text
        for text in (customer.national_id, customer.legal_entity_id, customer.mobile, customer.name)
        if text
    ]
    others = (
        select(AgreementUsagePoint.usage_point_id)
        .join(SupplyAgreement, SupplyAgreement.id == AgreementUsagePoint.agreement_id)
        .where(SupplyAgreement.customer_id != customer.id)
        .where(
            or_(AgreementUsagePoint.valid_to.is_(None), AgreementUsagePoint.valid_to > func.current_date())
        )
    )
    points = await session.execute(
        update(UsagePoint)
        .where(UsagePoint.id.in_(_supplied(customer)), UsagePoint.id.not_in(others))
        .where(or_(*(getattr(UsagePoint, name).is_not(None) for name in _POINT[2:])))
        .values(dict.fromkeys(_POINT[2:]))
    )
    # OR of nothing is false: without an identifier no row is touched.
    holds = (func.strpos(cast(QuarantinedRow.raw, Text), text) > 0 for text in known)
    rows = await session.execute(
        update(QuarantinedRow).where(or_(false(), *holds)).values(raw={}, value=None)
    )
    customer.name, customer.name_search_key = pseudonym, search_key(pseudonym)
    customer.national_id = customer.legal_entity_id = customer.mobile = None
    await session.flush()
    done = Pseudonymised(pseudonym, _count(points), _count(rows))
    details = {"usage_points": done.usage_points, "quarantined_rows": done.quarantined_rows}
    await record(
        session, [AuditEntry(AuditAction.PERSON_FORGOTTEN, by, "customer", str(customer.id), details)]
    )
    return done


async def _customer(session: ReadSession, customer_no: str) -> Customer:
    found: Customer | None = await session.scalar(select(Customer).where(Customer.customer_no == customer_no))
    if found is None:
        raise NotFoundError(f"There is no customer {customer_no!r}.", mend="Give the company's own number.")
    return found


def _supplied(customer: Customer) -> Select[Any]:
    """Ids of the points that supply the customer, or did."""
    return (
        select(AgreementUsagePoint.usage_point_id)
        .join(SupplyAgreement, SupplyAgreement.id == AgreementUsagePoint.agreement_id)
        .where(SupplyAgreement.customer_id == customer.id)
    )


async def _all(session: ReadSession, statement: Select[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    return [_named(row, names) for row in await session.scalars(statement)]


def _named(row: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _count(result: Any) -> int:
    return int(result.rowcount)
