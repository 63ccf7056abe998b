"""Energy balances: what transformers measured against what was billed to the points behind them.

Both sides are spread evenly over the days of their periods, and the days that lie in the period asked for count. What
is missing shows in the coverage: a balance says something where both sides cover nearly all of the period.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Double,
    Select,
    Subquery,
    and_,
    case,
    cast,
    false,
    func,
    select,
)

from tarazu.expressions import Given, day, overlap_days
from tarazu.models import DistributionTransformer, Feeder, Invoice, TransformerEnergy, UsagePoint
from tarazu.models.enums import Commodity
from tarazu.security import row_scope
from tarazu.security.row_scope import UNRESTRICTED, ScopeValues

RANK_UNMEASURED: Final = -(2**62)

_TRANSFORMER: Final = DistributionTransformer.__table__.c
_POINT: Final = UsagePoint.__table__.c
_INVOICE: Final = Invoice.__table__.c


def transformer_balance_statement(
    from_day: Given[dt.date],
    to_day: Given[dt.date],
    scope: ScopeValues = UNRESTRICTED,
    within: ColumnElement[bool] | None = None,
) -> Select[*tuple[Any, ...]]:
    """One row a transformer, in no order, for the half-open period [from_day, to_day).

    `within` is a condition on columns of `distribution_transformer`, such as its id or feeder; give it here and not
    around the statement, so that only what hangs on those transformers is read. Columns:

    * `transformer_id`, `transformer_code`, `feeder_id`, `district_id`
    * `delivered_kwh`: by its own meter; null where that measured nothing in the period
    * `billed_kwh`: to the electricity points behind it
    * `difference_kwh`, `difference_percent` (of what was delivered): null where nothing was measured (or delivered)
    * `measured_share`: of the days of the period those that the meter covers, 0 to 1
    * `billed_share`: of the days of all points those that invoices cover, 0 to 1; null without points
    * `usage_point_count`, `billed_point_count` (points with an invoice in the period)

    A scope of districts leaves out other districts' transformers, and their points where a transformer crosses. For a
    scope of sectors there are no rows: the points of one sector balance nothing.
    """
    chosen = _chosen(scope, within)
    delivered = _delivered(chosen, from_day, to_day)
    billed = _billed(chosen, from_day, to_day, scope)
    billed_kwh = func.coalesce(billed.c.billed_kwh, 0.0)
    difference = delivered.c.delivered_kwh - billed_kwh
    length = day(to_day) - day(from_day)
    points = func.coalesce(billed.c.usage_point_count, 0)
    return (
        select(
            chosen.c.id.label("transformer_id"),
            chosen.c.code.label("transformer_code"),
            chosen.c.feeder_id,
            chosen.c.district_id,
            delivered.c.delivered_kwh,
            billed_kwh.label("billed_kwh"),
            difference.label("difference_kwh"),
            _percent(difference, delivered.c.delivered_kwh).label("difference_percent"),
            func.coalesce(_share(delivered.c.measured_days, length), 0.0).label("measured_share"),
            _share(billed.c.billed_days, length * points).label("billed_share"),
            points.label("usage_point_count"),
            func.coalesce(billed.c.billed_point_count, 0).label("billed_point_count"),
        )
        .outerjoin(delivered, delivered.c.transformer_id == chosen.c.id)
        .outerjoin(billed, billed.c.transformer_id == chosen.c.id)
    )


def feeder_balance_statement(
    from_day: Given[dt.date],
    to_day: Given[dt.date],
    scope: ScopeValues = UNRESTRICTED,
    within: ColumnElement[bool] | None = None,
) -> Select[*tuple[Any, ...]]:
    """One row a feeder with transformers in scope, in no order: the sums of its transformers.

    Columns: `feeder_id`, `feeder_code`, `delivered_kwh` (null where no transformer measured), `billed_kwh`,
    `difference_kwh` and `difference_percent` of those transformers that measured, `measured_share` and `billed_share`
    (the mean of its transformers, and of its points), `usage_point_count`, `billed_point_count`, `transformer_count`,
    `measured_transformer_count`. `within` as for transformers.
    """
    one = transformer_balance_statement(from_day, to_day, scope, within).subquery("transformer_balance")
    delivered = func.sum(one.c.delivered_kwh)
    difference = func.sum(one.c.difference_kwh)
    points = func.sum(one.c.usage_point_count)
    return (
        select(
            one.c.feeder_id,
            Feeder.code.label("feeder_code"),
            delivered.label("delivered_kwh"),
            func.sum(one.c.billed_kwh).label("billed_kwh"),
            difference.label("difference_kwh"),
            _percent(difference, delivered).label("difference_percent"),
            func.avg(one.c.measured_share).label("measured_share"),
            _share(func.sum(one.c.billed_share * one.c.usage_point_count), points).label("billed_share"),
            cast(points, BigInteger).label("usage_point_count"),
            cast(func.sum(one.c.billed_point_count), BigInteger).label("billed_point_count"),
            func.count().label("transformer_count"),
            func.count(one.c.delivered_kwh).label("measured_transformer_count"),
        )
        .join(Feeder, Feeder.id == one.c.feeder_id)
        .group_by(one.c.feeder_id, Feeder.code)
    )


def ranked(balances: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """The balances with `rank_kwh`: the difference in whole kWh, which floating point writes alike each time, and the
    smallest number where nothing was measured: a key of a page is never null.
    """
    one = balances.subquery("balance")
    rank = func.coalesce(cast(func.round(one.c.difference_kwh), BigInteger), RANK_UNMEASURED)
    return select(*one.c, rank.label("rank_kwh"))


def _chosen(scope: ScopeValues, within: ColumnElement[bool] | None) -> CTE:
    statement = select(_TRANSFORMER.id, _TRANSFORMER.code, _TRANSFORMER.feeder_id, _TRANSFORMER.district_id)
    conditions = [within, row_scope.by_district(_TRANSFORMER, scope)]
    if scope.sectors is not None:
        conditions.append(false())
    return statement.where(*(part for part in conditions if part is not None)).cte("chosen")


def _delivered(chosen: CTE, from_day: Given[dt.date], to_day: Given[dt.date]) -> Subquery:
    """Of each transformer that measured: kWh and days of the period."""
    days = overlap_days(
        TransformerEnergy.period_start, TransformerEnergy.period_end, day(from_day), day(to_day)
    )
    length = TransformerEnergy.period_end - TransformerEnergy.period_start
    return (
        select(
            TransformerEnergy.transformer_id,
            func.sum(TransformerEnergy.delivered_kwh * days / length).label("delivered_kwh"),
            func.sum(days).label("measured_days"),
        )
        .join(chosen, chosen.c.id == TransformerEnergy.transformer_id)
        .where(TransformerEnergy.period_start < day(to_day), TransformerEnergy.period_end > day(from_day))
        .group_by(TransformerEnergy.transformer_id)
        .subquery("delivered")
    )


def _billed(chosen: CTE, from_day: Given[dt.date], to_day: Given[dt.date], scope: ScopeValues) -> Subquery:
    """Of each transformer with points: their number, and kWh and days that were billed to them."""
    points = select(_POINT.id, _POINT.transformer_id).join(chosen, chosen.c.id == _POINT.transformer_id)
    points = points.where(_POINT.commodity == Commodity.ELECTRICITY)
    if (in_scope := row_scope.by_district(_POINT, scope)) is not None:
        points = points.where(in_scope)
    point = points.subquery("point")
    days = overlap_days(_INVOICE.period_start, _INVOICE.period_end, day(from_day), day(to_day))
    # Grouped after the join: then the invoices of few points are looked up, and those of all are read in one pass.
    by_point = (
        select(
            point.c.transformer_id,
            func.count(_INVOICE.usage_point_id).label("invoices"),
            func.sum(_INVOICE.consumption_kwh * days / (_INVOICE.period_end - _INVOICE.period_start)).label(
                "kwh"
            ),
            # Two invoices for the same days cover them once; how they lie is not looked at. Of a point without invoices
            # LEAST and GREATEST would make the whole period: they pass over nulls.
            func.least(
                func.coalesce(func.sum(days).filter(_INVOICE.usage_point_id.is_not(None)), 0),
                day(to_day) - day(from_day),
            ).label("days"),
        )
        .select_from(
            point.outerjoin(
                Invoice,
                and_(
                    _INVOICE.usage_point_id == point.c.id,
                    _INVOICE.period_start < day(to_day),
                    _INVOICE.period_end > day(from_day),
                ),
            )
        )
        .group_by(point.c.id, point.c.transformer_id)
        .subquery("by_point")
    )
    return (
        select(
            by_point.c.transformer_id,
            func.count().label("usage_point_count"),
            func.count().filter(by_point.c.invoices > 0).label("billed_point_count"),
            func.sum(by_point.c.kwh).label("billed_kwh"),
            func.sum(by_point.c.days).label("billed_days"),
        )
        .group_by(by_point.c.transformer_id)
        .subquery("billed")
    )


def _share(part: ColumnElement[Any], whole: ColumnElement[Any]) -> ColumnElement[float]:
    return case((whole > 0, func.least(cast(func.coalesce(part, 0), Double) / cast(whole, Double), 1.0)))


def _percent(part: ColumnElement[Any], whole: ColumnElement[Any]) -> ColumnElement[float]:
    return case((whole > 0, 100 * part / whole))
