"""Which rows a principal sees, as SQL.

A usage point is in scope by its district, and by the sector of the customer it supplies today; what hangs on a point is
in scope with it. A customer is in scope by its sector, and by the district of any point it is or was supplied at. The
network (districts, feeders, transformers) is in scope by district alone: it belongs to no customer.

Each rule takes the columns of one table (an alias's too) and says of its rows whether they are in scope; None means that
all are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, any_, exists, false, func, or_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from tarazu.models import (
    AgreementUsagePoint,
    Base,
    Case,
    Customer,
    DistributionTransformer,
    Feeder,
    Invoice,
    Meter,
    MeterInstallation,
    PaymentAllocation,
    SupplyAgreement,
    UsagePoint,
)

Columns = ReadOnlyColumnCollection[str, Any]


@dataclass(frozen=True, slots=True)
class ScopeValues:
    """The bound arrays of a scope in a statement; None where the principal is not restricted so."""

    district_ids: ColumnElement[Any] | None = None
    sectors: ColumnElement[Any] | None = None

    @property
    def is_everything(self) -> bool:
        return self.district_ids is None and self.sectors is None


Rule = Callable[[Columns, ScopeValues], ColumnElement[bool] | None]

UNRESTRICTED: Final = ScopeValues()


def _with(model: type[Base], key: str, own: str, rule: Rule) -> Rule:
    """Rows whose column `own` is the `key` of a row of `model` that is in scope by `rule`."""

    def in_scope(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
        other = model.__table__.alias()
        found = rule(other.c, scope)
        return None if found is None else exists().where(other.c[key] == columns[own], found)

    return in_scope


def _all_of(*rules: Rule) -> Rule:
    def in_scope(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
        found = [part for rule in rules if (part := rule(columns, scope)) is not None]
        return and_(*found) if found else None

    return in_scope


def _among(value: Any, array: ColumnElement[Any] | None) -> ColumnElement[bool] | None:
    return None if array is None else value == any_(array)


def everyone(_columns: Columns, _scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows that tell of no district and no customer: rules, runs."""
    return None


def of_parent(_columns: Columns, _scope: ScopeValues) -> ColumnElement[bool] | None:
    """Parts of a row that is in scope itself and reached through it alone; aggregates that sum in scope."""
    return None


def unrestricted_only(_columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows that may tell of anybody and cannot be told apart (quarantine, audit): for those who see everything."""
    return None if scope.is_everything else false()


def district(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    return _among(columns.id, scope.district_ids)


def by_district(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows with a `district_id` of their own; a row without one is in nobody's district."""
    return _among(columns.district_id, scope.district_ids)


def _by_sector(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    return _among(columns.sector, scope.sectors)


of_transformer: Final = _with(DistributionTransformer, "id", "transformer_id", by_district)
# A feeder crosses districts: it is in scope with any of its transformers.
feeder: Final = _with(DistributionTransformer, "feeder_id", "id", by_district)
exchange_point: Final = _with(Feeder, "exchange_point_id", "id", feeder)

_of_customers_sector: Final = _with(
    SupplyAgreement, "id", "agreement_id", _with(Customer, "id", "customer_id", _by_sector)
)


def _supplies_sector_today(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Supplies that are in force and of a customer in the sectors."""
    found = _of_customers_sector(columns, scope)
    if found is None:
        return None
    today = func.current_date()
    return and_(columns.valid_from <= today, or_(columns.valid_to.is_(None), columns.valid_to > today), found)


usage_point: Final = _all_of(
    by_district, _with(AgreementUsagePoint, "usage_point_id", "id", _supplies_sector_today)
)
of_usage_point: Final = _with(UsagePoint, "id", "usage_point_id", usage_point)
# Of a point in scope, former supplies to customers of other sectors are not.
supply: Final = _all_of(of_usage_point, _of_customers_sector)
of_invoice: Final = _with(Invoice, "id", "invoice_id", of_usage_point)
of_installation: Final = _with(MeterInstallation, "id", "installation_id", of_usage_point)
# A meter is in scope with any point that it hangs or hung at.
meter: Final = _with(MeterInstallation, "meter_id", "id", of_usage_point)
of_meter: Final = _with(Meter, "id", "meter_id", meter)

_supply_in_district: Final = _with(UsagePoint, "id", "usage_point_id", by_district)
customer: Final = _all_of(
    _with(
        SupplyAgreement,
        "customer_id",
        "id",
        _with(AgreementUsagePoint, "agreement_id", "id", _supply_in_district),
    ),
    _by_sector,
)
of_customer: Final = _with(Customer, "id", "customer_id", customer)

_settles_in_scope: Final = _with(PaymentAllocation, "payment_id", "id", of_invoice)


def payment(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """A payment is in scope with the point it names, or with any invoice that it settles."""
    by_point, by_invoice = of_usage_point(columns, scope), _settles_in_scope(columns, scope)
    return None if by_point is None or by_invoice is None else or_(by_point, by_invoice)


def case(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """A case is in scope with its subject. A transformer or a reading agent has no sector: those limited to one do not
    see their cases. A reading agent is where most of the visits were.
    """
    if scope.is_everything:
        return None
    # Exactly one subject is set, and without one a rule finds nothing.
    about_transformer = false() if scope.sectors is not None else of_transformer(columns, scope)
    in_district = false() if scope.sectors is not None else by_district(columns, scope)
    about_agent = None if in_district is None else and_(columns.reading_agent_id.is_not(None), in_district)
    parts = (of_usage_point(columns, scope), of_customer(columns, scope), about_transformer, about_agent)
    return or_(*(part for part in parts if part is not None))


of_case: Final = _with(Case, "id", "case_id", case)
# A link tells of two cases: that there is another, who linked it and when.
case_link: Final = _all_of(of_case, _with(Case, "id", "other_case_id", case))
