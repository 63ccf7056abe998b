"""Which rows a principal sees, as SQL.

A usage point is in scope by its district, and by the sector of the customer it supplies now; what hangs on a point is
in scope with it. A customer is in scope by its sector, and by the district of any point it is or was supplied at. The
network (districts, feeders, transformers) is in scope by district alone: it belongs to no customer.

Each function takes the columns of one table (an alias's too) and says of its rows whether they are in scope; None means
that all are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, any_, exists, false, or_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from tarazu.models import (
    AgreementUsagePoint,
    Customer,
    DistributionTransformer,
    Feeder,
    Meter,
    MeterInstallation,
    SupplyAgreement,
    UsagePoint,
)

Columns = ReadOnlyColumnCollection[str, Any]


@dataclass(frozen=True, slots=True)
class ScopeValues:
    """The bound arrays of a scope in a statement; None where the principal is not restricted so."""

    district_ids: ColumnElement[Any] | None = None
    sectors: ColumnElement[Any] | None = None


UNRESTRICTED = ScopeValues()


def by_district(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows with a `district_id` of their own; a row without one is in nobody's district."""
    if scope.district_ids is None:
        return None
    return _among(columns.district_id, scope.district_ids)


def district(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    if scope.district_ids is None:
        return None
    return _among(columns.id, scope.district_ids)


def feeder(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """A feeder crosses districts: it is in scope with any of its transformers."""
    if scope.district_ids is None:
        return None
    transformer = _table(DistributionTransformer).alias()
    return exists().where(
        transformer.c.feeder_id == columns.id, transformer.c.district_id == any_(scope.district_ids)
    )


def exchange_point(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    if scope.district_ids is None:
        return None
    line, transformer = _table(Feeder).alias(), _table(DistributionTransformer).alias()
    return exists().where(
        line.c.exchange_point_id == columns.id,
        transformer.c.feeder_id == line.c.id,
        transformer.c.district_id == any_(scope.district_ids),
    )


def usage_point(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    return _all_of(
        by_district(columns, scope),
        None if scope.sectors is None else _supplies_sector(columns.id, scope.sectors),
    )


def of_usage_point(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows with a `usage_point_id`."""
    if scope.district_ids is None and scope.sectors is None:
        return None
    point = _table(UsagePoint).alias()
    return exists().where(point.c.id == columns.usage_point_id, _sure(usage_point(point.c, scope)))


def of_installation(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows with an `installation_id`."""
    if scope.district_ids is None and scope.sectors is None:
        return None
    installation = _table(MeterInstallation).alias()
    return exists().where(
        installation.c.id == columns.installation_id, _sure(of_usage_point(installation.c, scope))
    )


def meter(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """A meter is in scope with any point that it hangs or hung at."""
    if scope.district_ids is None and scope.sectors is None:
        return None
    installation = _table(MeterInstallation).alias()
    return exists().where(installation.c.meter_id == columns.id, _sure(of_usage_point(installation.c, scope)))


def of_meter(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows with a `meter_id`."""
    if scope.district_ids is None and scope.sectors is None:
        return None
    device = _table(Meter).alias()
    return exists().where(device.c.id == columns.meter_id, _sure(meter(device.c, scope)))


def customer(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    district_rule = None
    if scope.district_ids is not None:
        agreement, supply = _table(SupplyAgreement).alias(), _table(AgreementUsagePoint).alias()
        point = _table(UsagePoint).alias()
        district_rule = exists().where(
            agreement.c.customer_id == columns.id,
            supply.c.agreement_id == agreement.c.id,
            point.c.id == supply.c.usage_point_id,
            point.c.district_id == any_(scope.district_ids),
        )
    return _all_of(district_rule, None if scope.sectors is None else columns.sector == any_(scope.sectors))


def of_customer(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows with a `customer_id`."""
    if scope.district_ids is None and scope.sectors is None:
        return None
    owner = _table(Customer).alias()
    return exists().where(owner.c.id == columns.customer_id, _sure(customer(owner.c, scope)))


def supply(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """That an agreement supplied a point: in scope with the point."""
    return of_usage_point(columns, scope)


def of_transformer(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows with a `transformer_id`."""
    if scope.district_ids is None:
        return None
    transformer = _table(DistributionTransformer).alias()
    return exists().where(
        transformer.c.id == columns.transformer_id, transformer.c.district_id == any_(scope.district_ids)
    )


def case(columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """A case is in scope with its subject. A transformer has no sector: those limited to one do not see its cases."""
    if scope.district_ids is None and scope.sectors is None:
        return None
    about_transformer = false() if scope.sectors is not None else _sure(of_transformer(columns, scope))
    return or_(
        and_(columns.usage_point_id.is_not(None), _sure(of_usage_point(columns, scope))),
        and_(columns.customer_id.is_not(None), _sure(of_customer(columns, scope))),
        and_(columns.transformer_id.is_not(None), about_transformer),
    )


def everyone(_columns: Columns, _scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows that tell of no district and no customer: rules, runs."""
    return None


def unrestricted_only(_columns: Columns, scope: ScopeValues) -> ColumnElement[bool] | None:
    """Rows that may tell of anybody and cannot be told apart (quarantine, audit): for those who see everything."""
    return None if scope.district_ids is None and scope.sectors is None else false()


def _supplies_sector(point_id: ColumnElement[Any], sectors: ColumnElement[Any]) -> ColumnElement[bool]:
    agreement, link, owner = (
        _table(SupplyAgreement).alias(),
        _table(AgreementUsagePoint).alias(),
        _table(Customer).alias(),
    )
    return exists().where(
        link.c.usage_point_id == point_id,
        link.c.valid_to.is_(None),
        agreement.c.id == link.c.agreement_id,
        owner.c.id == agreement.c.customer_id,
        owner.c.sector == any_(sectors),
    )


def _among(value: Any, array: ColumnElement[Any]) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = value == any_(array)
    return condition


def _all_of(*parts: ColumnElement[bool] | None) -> ColumnElement[bool] | None:
    given = [part for part in parts if part is not None]
    return and_(*given) if given else None


def _sure(condition: ColumnElement[bool] | None) -> ColumnElement[bool]:
    assert condition is not None
    return condition


def _table(model: Any) -> Any:
    return model.__table__
