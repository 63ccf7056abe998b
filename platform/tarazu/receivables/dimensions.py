"""Whose, where and of which class a claim or a payment is, on a day: the joins that sums by these need."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.dialects.postgresql import distinct_on

from tarazu.models import (
    AgreementUsagePoint,
    Customer,
    District,
    SupplyAgreement,
    UsagePoint,
    UsagePointTerm,
)


@dataclass(frozen=True, slots=True)
class Located:
    """A source joined to what was asked for, and the columns that came with it by their names."""

    source: Any
    columns: dict[str, ColumnElement[Any]]


def located(claim: Any, on: ColumnElement[dt.date], *, customer: bool, district: bool, term: bool) -> Located:
    """`claim` (columns usage_point_id and agreement_id) with what held at its point on the day `on`, a column of it.

    customer: `customer_id` and `sector`; district: `district_id` and `district_code`; term: `tariff_class` and `segment`.
    All are null where they are not known. Looks each row up, so it is for rows by the ten thousand.
    """
    found = Located(claim, {})
    if customer:
        found = _with_customer(found, _agreement(claim, on))
    if district:
        found = _with_district(found, claim)
    return _with_term(found, _term(claim, on), true()) if term else found


def located_at(
    claim: Any, on: ColumnElement[dt.date], *, customer: bool, district: bool, term: bool
) -> Located:
    """As `located`, for any number of rows: what held on one day for all, found in one pass over the points' periods."""
    found = Located(claim, {})
    if customer:
        supply = _newest(AgreementUsagePoint.__table__, on, ["agreement_id"]).subquery("supply")
        joined = claim.outerjoin(supply, supply.c.usage_point_id == claim.c.usage_point_id)
        found = _with_customer(
            Located(joined, {}), func.coalesce(claim.c.agreement_id, supply.c.agreement_id)
        )
    if district:
        found = _with_district(found, claim)
    if term:
        terms = _newest(UsagePointTerm.__table__, on, ["tariff_class", "segment"]).subquery("term")
        found = _with_term(found, terms, terms.c.usage_point_id == claim.c.usage_point_id)
    return found


def _with_customer(found: Located, agreement: ColumnElement[Any]) -> Located:
    source = found.source.outerjoin(SupplyAgreement, SupplyAgreement.id == agreement)
    columns = {
        "customer_id": SupplyAgreement.__table__.c.customer_id,
        "sector": Customer.__table__.c.sector,
    }
    return Located(
        source.outerjoin(Customer, Customer.id == SupplyAgreement.customer_id), found.columns | columns
    )


def _with_district(found: Located, claim: Any) -> Located:
    source = found.source.outerjoin(UsagePoint, UsagePoint.id == claim.c.usage_point_id)
    columns = {"district_id": District.__table__.c.id, "district_code": District.__table__.c.code}
    return Located(source.outerjoin(District, District.id == UsagePoint.district_id), found.columns | columns)


def _with_term(found: Located, term: Any, match: ColumnElement[bool]) -> Located:
    columns = {"tariff_class": term.c.tariff_class, "segment": term.c.segment}
    return Located(found.source.outerjoin(term, match), found.columns | columns)


def _newest(table: Any, on: ColumnElement[dt.date], names: list[str]) -> Select[*tuple[Any, ...]]:
    """The newest row of each point that is valid on the day; the index of the points' periods is in this order."""
    return (
        select(table.c.usage_point_id, *(table.c[name] for name in names))
        .ext(distinct_on(table.c.usage_point_id))
        .where(_valid(table, on))
        .order_by(table.c.usage_point_id, table.c.valid_from.desc())
    )


def _agreement(claim: Any, on: ColumnElement[dt.date]) -> ColumnElement[Any]:
    """The agreement that the claim names, or else the one that supplied its usage point on the day."""
    supplied = (
        select(AgreementUsagePoint.agreement_id)
        .where(
            AgreementUsagePoint.usage_point_id == claim.c.usage_point_id,
            _valid(AgreementUsagePoint.__table__, on),
        )
        # Where periods overlap, the newer one counts.
        .order_by(AgreementUsagePoint.valid_from.desc())
        .limit(1)
        .correlate(claim)
        .scalar_subquery()
    )
    return func.coalesce(claim.c.agreement_id, supplied)


def _term(claim: Any, on: ColumnElement[dt.date]) -> Any:
    return (
        select(UsagePointTerm.tariff_class, UsagePointTerm.segment)
        .where(UsagePointTerm.usage_point_id == claim.c.usage_point_id, _valid(UsagePointTerm.__table__, on))
        .order_by(UsagePointTerm.valid_from.desc())
        .limit(1)
        .correlate(claim)
        .lateral("term")
    )


def _valid(table: Any, on: ColumnElement[dt.date]) -> ColumnElement[bool]:
    return and_(table.c.valid_from <= on, or_(table.c.valid_to.is_(None), table.c.valid_to > on))
