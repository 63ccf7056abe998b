"""Readers of debts: arguments into the statements of `tarazu.receivables`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, Date, Integer, Text
from strawberry import UNSET

from graphql_api.aggregates import (
    Aggregate,
    PagedAggregate,
    Statement,
    bound,
    day_or_today,
    dimensions,
    period,
    slot,
)
from graphql_api.compiler.binding import Bind, Collected, Slot
from graphql_api.compiler.mapping import ReadingLimits, Values
from graphql_api.filters import plain_text
from tarazu.receivables.ageing import DEFAULT_BUCKETS, AgeBuckets
from tarazu.receivables.collection import CollectionDimension, collection_ratio_statement
from tarazu.receivables.debts import (
    DEBTOR_ORDERS,
    DebtDimension,
    DebtFilter,
    DebtorFilter,
    DebtorKind,
    debt_summary_statement,
    debtors_statement,
)


@dataclass(frozen=True, slots=True)
class _Debts:
    """Slots of which debts."""

    as_of: Slot | None
    sector: Slot | None
    district: Slot | None
    tariff_class: Slot | None

    def filter(self, bind: Bind) -> DebtFilter:
        return DebtFilter(
            bound(self.sector, bind, None),
            bound(self.district, bind, None),
            bound(self.tariff_class, bind, None),
        )


def _debts(arguments: Mapping[str, Any], collected: Collected) -> _Debts:
    if district := arguments.get("district"):
        plain_text(district, "district")
    return _Debts(
        *(slot(arguments, name, collected) for name in ("as_of", "sector", "district", "tariff_class"))
    )


@dataclass(frozen=True, slots=True)
class _SummaryShape:
    group_by: tuple[DebtDimension, ...]
    debts: _Debts
    first_days: Slot | None


def _read_summary(
    arguments: Mapping[str, Any], _limits: ReadingLimits, collected: Collected
) -> _SummaryShape:
    group_by, debts = dimensions(arguments), _debts(arguments, collected)
    bounds = arguments.get("age_bounds_days", UNSET)
    buckets = DEFAULT_BUCKETS if bounds is UNSET or bounds is None else AgeBuckets(tuple(bounds))
    own = None if buckets == DEFAULT_BUCKETS else collected.add(list(buckets.first_days))
    return _SummaryShape(group_by, debts, own)


def _summary(shape: _SummaryShape, bind: Bind, values: Values) -> Statement:
    return debt_summary_statement(
        day_or_today(shape.debts.as_of, bind, values),
        shape.group_by,
        shape.debts.filter(bind),
        DEFAULT_BUCKETS if shape.first_days is None else bind(shape.first_days, ARRAY(Integer)),
        values.scope,
    )


@dataclass(frozen=True, slots=True)
class _DebtorsShape:
    kind: DebtorKind
    debts: _Debts
    age_bucket: Slot | None
    min_overdue_rial: Slot


def _kind(arguments: Mapping[str, Any]) -> DebtorKind:
    kind: DebtorKind = arguments.get("by", DebtorKind.USAGE_POINT)
    return kind


def _read_debtors(arguments: Mapping[str, Any], collected: Collected) -> _DebtorsShape:
    return _DebtorsShape(
        _kind(arguments),
        _debts(arguments, collected),
        slot(arguments, "age_bucket", collected),
        collected.add(int(arguments.get("min_overdue_rial") or 0)),
    )


def _debtors(shape: _DebtorsShape, bind: Bind, values: Values) -> Statement:
    return debtors_statement(
        day_or_today(shape.debts.as_of, bind, values),
        shape.kind,
        shape.debts.filter(bind),
        DebtorFilter(bound(shape.age_bucket, bind, Text()), bind(shape.min_overdue_rial, BigInteger())),
        values.scope,
    )


@dataclass(frozen=True, slots=True)
class _CollectionShape:
    group_by: tuple[CollectionDimension, ...]
    first_day: Slot
    after_day: Slot


def _read_collection(
    arguments: Mapping[str, Any], _limits: ReadingLimits, collected: Collected
) -> _CollectionShape:
    return _CollectionShape(dimensions(arguments), *period(arguments, collected))


def _collection(shape: _CollectionShape, bind: Bind, values: Values) -> Statement:
    return collection_ratio_statement(
        bind(shape.first_day, Date()), bind(shape.after_day, Date()), shape.group_by, values.scope
    )


DEBTORS: Final = PagedAggregate(_read_debtors, _debtors, lambda arguments: DEBTOR_ORDERS[_kind(arguments)])
DEBT_SUMMARY: Final = Aggregate(
    _read_summary,
    _summary,
    {
        "sector": Text(),
        "district_id": BigInteger(),
        "tariff_class": Text(),
        "segment": Text(),
        "age_bucket": Text(),
        "age_from_days": Integer(),
        "age_to_days": Integer(),
    },
)
COLLECTION: Final = Aggregate(
    _read_collection,
    _collection,
    {
        "sector": Text(),
        "district_id": BigInteger(),
        "tariff_class": Text(),
        "month_start": Date(),
    },
)
