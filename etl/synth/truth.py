"""What was planted, as `truth.csv` states it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from etl.synth import numbers
from etl.synth.kinds import EXPECTED_RULES, THEFT, Planted
from etl.synth.network import Layout, transformer_codes
from etl.synth.parties import Parties, dates
from etl.synth.payments import Payments
from etl.synth.planting import KINDS, Plan
from etl.synth.population import OTHER, Population
from etl.synth.window import BoolArray, FloatArray, IntArray, Window
from tarazu.models.enums import SubjectKind

# A debt is stated where anybody would chase it: the boundary of the ageing buckets, and a round least amount.
_OVERDUE_DAYS: Final = 90
_OVERDUE_RIAL: Final = 2_000_000
_GOVERNMENT_OVERDUE_RIAL: Final = 10_000_000
# A published campaign put households on the cut list above 15 million rial, commerce above 20.
_DISCONNECTABLE_RIAL: Final = (20_000_000, 15_000_000)

# Non-technical loss that stands out from the technical one of 3 to 6 % and from the unevenness of billing.
_LOSING_SHARE: Final = 0.10

_COLUMNS: Final = (
    "subject_kind",
    "subject_key",
    "kind",
    "start_date",
    "rule_ids",
    "customer_no",
    "transformer_code",
    "unrecorded_kwh",
)


def truth_frame(
    layout: Layout,
    people: Population,
    parties: Parties,
    plan: Plan,
    payments: Sequence[Payments],
    unrecorded: FloatArray,
    lost_share: FloatArray,
    subscription: IntArray,
    window: Window,
) -> pl.DataFrame:
    """Columns: `subject_kind` and `subject_key` (subscription number, transformer code or customer number), `kind`
    (a `Planted`), `start_date`, `rule_ids` that ought to fire (separated by a space), the point's `customer_no` and
    `transformer_code`, and `unrecorded_kwh`, by which its bills of the window are too small (0 where money alone is
    concerned). `lost_share` is (transformers,): what thieves took of the energy delivered of late.
    """
    code = np.where(people.transformer < 0, -1, layout.transformer_code[people.transformer])
    customer = numbers.text(parties.customer)
    transformer = transformer_codes(code)
    started = _start_days(people, plan, window)

    def points(
        rows: IntArray, kind: pl.Series, since: IntArray, rules: pl.Series, kwh: FloatArray
    ) -> pl.DataFrame:
        row = pl.Series(rows)
        return pl.DataFrame(
            {
                "subject_kind": _repeat(SubjectKind.USAGE_POINT.value, rows),
                "subject_key": numbers.text(subscription[rows]),
                "kind": kind,
                "start_date": dates(since),
                "rule_ids": rules,
                "customer_no": customer.gather(row),
                "transformer_code": transformer.gather(row),
                "unrecorded_kwh": np.round(kwh, 1),
            }
        )

    planted = np.flatnonzero(plan.kind >= 0)
    kind_row = pl.Series(plan.kind[planted])
    kinds = pl.Series([kind.value for kind in KINDS]).gather(kind_row)
    rules = pl.Series([EXPECTED_RULES[kind] for kind in KINDS]).gather(kind_row)
    debts = _Debts.of(payments, window.end_day)
    debtors = np.flatnonzero(debts.worth_collecting() & (plan.unpaid_from >= 0) & ~people.government)
    disconnectable = debts.disconnectable(people) & (plan.cut_from < 0)
    debt_rules = pl.Series(["C01", "C01 C02"]).gather(pl.Series(disconnectable[debtors] + 0))
    stolen = np.isin(plan.kind, [KINDS.index(kind) for kind in THEFT])
    frame = pl.concat(
        [
            points(planted, kinds, started[planted], rules, np.where(stolen, unrecorded, 0.0)[planted]),
            points(
                debtors,
                _repeat(Planted.DEBTOR.value, debtors),
                debts.overdue_since[debtors],
                debt_rules,
                np.zeros(len(debtors)),
            ),
            _transformers(layout, people, plan, unrecorded, lost_share, window),
            _government(people, parties, plan, debts),
        ]
    )
    return frame.select(_COLUMNS)


def _repeat(value: str, rows: IntArray) -> pl.Series:
    return pl.repeat(value, len(rows), dtype=pl.String, eager=True)


def _start_days(people: Population, plan: Plan, window: Window) -> IntArray:
    """The month in which theft began, the day of the cut, or the start of the bill that is wrong."""
    step = np.where(people.demand, 1, 2)
    first_column = people.phase
    period = np.where(plan.lag_from >= 0, plan.lag_from, np.maximum(plan.period, 0))
    bill_day = window.starts[first_column + step * period] + people.reading_day
    started = np.where(plan.theft_from >= 0, window.starts[np.maximum(plan.theft_from, 0)], bill_day)
    cut_day = window.starts[np.maximum(plan.cut_from, 0)] + people.reading_day
    return np.where(plan.cut_from >= 0, cut_day, started)


@dataclass(frozen=True, slots=True)
class _Debts:
    """Of both cohorts together, (points,): a point is in one, and owes nothing in the other."""

    overdue_rial: IntArray
    overdue_since: IntArray
    open_before_newest_rial: IntArray
    end_day: int

    @classmethod
    def of(cls, payments: Sequence[Payments], end_day: int) -> _Debts:
        return cls(
            np.add.reduce([cohort.overdue_rial for cohort in payments]),
            np.minimum.reduce([cohort.overdue_since for cohort in payments]),
            np.add.reduce([cohort.open_before_newest_rial for cohort in payments]),
            end_day,
        )

    def worth_collecting(self) -> BoolArray:
        old = self.end_day - self.overdue_since > _OVERDUE_DAYS
        return old & (self.overdue_rial >= _OVERDUE_RIAL)

    def disconnectable(self, people: Population) -> BoolArray:
        threshold = np.where(people.tariff == OTHER, *_DISCONNECTABLE_RIAL)
        return np.greater(self.open_before_newest_rial, threshold)


def _transformers(
    layout: Layout,
    people: Population,
    plan: Plan,
    unrecorded: FloatArray,
    lost_share: FloatArray,
    window: Window,
) -> pl.DataFrame:
    """The clusters' transformers, and others that lose as much to single thieves."""
    behind = people.transformer >= 0
    kwh = np.bincount(people.transformer[behind], weights=unrecorded[behind], minlength=layout.transformers)
    losing = np.setdiff1d(np.flatnonzero(lost_share >= _LOSING_SHARE), plan.clusters)
    rows = np.concatenate([plan.clusters, losing])
    since = np.concatenate([window.starts[plan.cluster_from], np.full(len(losing), window.starts[-4])])
    kinds = [Planted.CLUSTER_TRANSFORMER] * len(plan.clusters) + [Planted.LOSING_TRANSFORMER] * len(losing)
    codes = transformer_codes(layout.transformer_code[rows])
    return pl.DataFrame(
        {
            "subject_kind": _repeat(SubjectKind.TRANSFORMER.value, rows),
            "subject_key": codes,
            "kind": pl.Series([kind.value for kind in kinds], dtype=pl.String),
            "start_date": dates(since),
            "rule_ids": pl.Series([EXPECTED_RULES[kind] for kind in kinds], dtype=pl.String),
            "customer_no": pl.repeat(None, len(rows), dtype=pl.String, eager=True),
            "transformer_code": codes,
            "unrecorded_kwh": np.round(kwh[rows], 1).astype(np.float64),
        }
    )


def _government(people: Population, parties: Parties, plan: Plan, debts: _Debts) -> pl.DataFrame:
    unpaying = np.isin(parties.body, plan.unpaying_bodies) & people.government
    rows = np.flatnonzero(unpaying & (debts.overdue_rial > 0))
    return (
        pl.DataFrame(
            {
                "customer_no": numbers.text(parties.customer[rows]),
                "start_date": dates(debts.overdue_since[rows]),
                "overdue_rial": debts.overdue_rial[rows],
            }
        )
        .group_by("customer_no", maintain_order=True)
        .agg(pl.col("start_date").min(), pl.col("overdue_rial").sum())
        .filter(pl.col("overdue_rial") >= _GOVERNMENT_OVERDUE_RIAL)
        .select(
            subject_kind=pl.lit(SubjectKind.CUSTOMER.value),
            subject_key="customer_no",
            kind=pl.lit(Planted.GOVERNMENT_DEBTOR.value),
            start_date="start_date",
            rule_ids=pl.lit(EXPECTED_RULES[Planted.GOVERNMENT_DEBTOR]),
            customer_no="customer_no",
            transformer_code=pl.lit(None, dtype=pl.String),
            unrecorded_kwh=pl.lit(0.0),
        )
    )
