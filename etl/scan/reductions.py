"""The first pass: what has to be known over all buckets before one bucket can be judged.

Small sums a bucket: histograms of peers, the billed energy of each transformer in the last months with what visits
found behind it, and the overdue debts of customers. No row of a point leaves its bucket.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rules.area_signs import no_signs
from rules.batch import (
    NO_DAY,
    OUTCOMES,
    CustomerBatch,
    PartyDebts,
    PointBatch,
    Surroundings,
    TransformerBatch,
    TransformerLosses,
    month_starts,
)
from rules.doubtful_readings import nothing_doubtful
from rules.signals.contract_use import contract_key, hours_of_use
from rules.signals.debt import overdue_debt
from rules.signals.energy_balance import BALANCED_MONTHS, energy_balance
from rules.signals.grouping import first_rows
from rules.signals.peer_level import (
    Histogram,
    histogram_of,
    merge_histograms,
    peer_groups,
    peer_histogram,
    peer_quantiles,
)
from rules.signals.summer_rise import summer_ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from etl.lake.transformers import TransformerTable
    from rules.site import Site

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]

# Two consecutive complete months are sought among the last six: reading cycles of two months end up to two months
# apart, and a late cycle adds two.
BALANCE_MONTHS = 6


@dataclass(frozen=True, slots=True)
class BucketSums:
    """What one bucket contributes."""

    peers: Histogram
    hours_of_use: Histogram
    summer_rise: Histogram
    transformer_id: Ints
    billed_kwh: Floats  # (transformers, BALANCE_MONTHS)
    known: Ints  # (transformers, BALANCE_MONTHS) customers with a bill for the month
    customers: Ints
    found_kwh: Floats  # (transformers,) that visits in these months found behind it
    debtor_id: Ints  # customers, ascending
    debtor_no: tuple[str, ...]
    debtor_party: Ints
    debtor_government: NDArray[np.bool_]
    debtor_district: Ints
    debtor_points: Ints
    debtor_outstanding: Ints
    debtor_overdue: Ints
    debtor_oldest: NDArray[np.int32]
    peer_key: Ints  # all that its points have, ascending: with these one finds what they are judged against
    party_id: Ints  # the same


def reduce_bucket(batch: PointBatch, month_days: Floats) -> BucketSums:
    """`month_days`: (BALANCE_MONTHS,) days of the last months."""
    transformer_id, billed, known, customers, found = _transformer_sums(batch, month_days)
    return BucketSums(
        peer_histogram(batch),
        histogram_of(contract_key(batch), hours_of_use(batch)),
        histogram_of(batch.peer_key, summer_ratio(batch).ratio),
        transformer_id,
        billed,
        known,
        customers,
        found,
        *_debtor_sums(batch),
        np.unique(batch.peer_key),
        np.unique(batch.party_id),
    )


def _transformer_sums(batch: PointBatch, month_days: Floats) -> tuple[Ints, Floats, Ints, Ints, Floats]:
    rows = np.flatnonzero(batch.transformer_id >= 0)
    ids, inverse = np.unique(batch.transformer_id[rows], return_inverse=True)
    months = len(month_days)
    recent = batch.daily_kwh[rows, -months:].astype(np.float64)
    is_known = ~np.isnan(recent)
    energy = np.where(is_known, recent, 0.0) * month_days[None, :]
    cell = (inverse[:, None] * months + np.arange(months)[None, :]).reshape(-1)
    size = len(ids) * months
    billed = np.bincount(cell, weights=energy.reshape(-1), minlength=size).astype(np.float64, copy=False)
    known = np.bincount(cell, weights=is_known.reshape(-1), minlength=size).reshape(len(ids), months)
    return (
        ids,
        billed.reshape(len(ids), months),
        known.astype(np.int64),
        np.bincount(inverse, minlength=len(ids)).astype(np.int64),
        _found(batch, ids, months),
    )


def _found(batch: PointBatch, transformer_id: Ints, months: int) -> Floats:
    """(transformers,) unregistered energy that visits in the last months estimated; NaN counts as nothing."""
    visits = batch.inspections
    since = month_starts(batch.last_month, months)[0]
    chosen = (visits.outcome == OUTCOMES.index("theft")) & (visits.day >= since)
    chosen &= batch.transformer_id[visits.point] >= 0
    row = np.searchsorted(transformer_id, batch.transformer_id[visits.point[chosen]])
    found = np.nan_to_num(visits.unregistered_kwh[chosen])
    return np.bincount(row, weights=found, minlength=len(transformer_id)).astype(np.float64, copy=False)


def _debtor_sums(
    batch: PointBatch,
) -> tuple[Ints, tuple[str, ...], Ints, NDArray[np.bool_], Ints, Ints, Ints, Ints, NDArray[np.int32]]:
    debt = overdue_debt(batch)
    rows = np.flatnonzero(debt.present & (batch.customer_id >= 0))
    rows = rows[np.argsort(batch.customer_id[rows], kind="stable")]
    customer = batch.customer_id[rows]
    starts = first_rows(customer)
    first = rows[starts]

    def total(name: str) -> Ints:
        values = debt.fields[name][rows].astype(np.int64)
        return np.add.reduceat(values, starts) if len(starts) else np.empty(0, np.int64)

    oldest = debt.fields["since"][rows].astype(np.int32)
    return (
        batch.customer_id[first],
        tuple(batch.customer_no[row] for row in first.tolist()),
        batch.party_id[first],
        batch.is_government[first],
        batch.district_id[first],
        np.diff(np.append(starts, len(rows))),
        total("outstanding_rial"),
        total("overdue_rial"),
        np.minimum.reduceat(oldest, starts) if len(starts) else np.empty(0, np.int32),
    )


@dataclass(frozen=True)
class Whole:
    """All buckets together."""

    around: Surroundings
    transformers: TransformerBatch
    customers: CustomerBatch
    found_kwh: Floats  # (transformers,) that visits in the balance's months found behind them


def merge(
    sums: list[BucketSums],
    transformers: TransformerTable,
    *,
    last_month: int,
    as_of: int,
    site: Site,
) -> Whole:
    """All buckets together, before areas whose balance does not close are looked at."""
    ids = transformers.transformer_id
    shape = (len(ids), BALANCE_MONTHS)
    billed, known, customers = np.zeros(shape), np.zeros(shape), np.zeros(len(ids), np.int64)
    found = np.zeros(len(ids))
    for part in sums:
        row = np.searchsorted(ids, part.transformer_id)
        # A transformer that was added after the snapshot's table was written cannot occur: both are of one moment.
        billed[row] += part.billed_kwh
        known[row] += part.known
        customers[row] += part.customers
        found[row] += part.found_kwh
    batch = TransformerBatch(
        transformer_id=ids,
        code=transformers.code,
        district_id=transformers.district_id,
        feeder_id=transformers.feeder_id,
        delivered_kwh=transformers.delivered_kwh[:, -BALANCE_MONTHS:],
        billed_kwh=billed,
        moved_kwh=np.zeros(shape),
        coverage=known / np.maximum(customers, 1)[:, None],
        ranked=["–"] * len(ids),
        customers=customers,
        last_month=last_month,
        site=site,
    )
    around = Surroundings(
        peers=peer_groups(*merge_histograms([part.peers for part in sums])),
        hours_of_use=peer_quantiles(*merge_histograms([part.hours_of_use for part in sums])),
        summer_rise=peer_quantiles(*merge_histograms([part.summer_rise for part in sums])),
        losses=_losses(batch, found),
        debts=merge_parties(sums),
        signs=no_signs(),
        doubtful=nothing_doubtful(),
    )
    return Whole(around, batch, _merge_debtors(sums, as_of, site), found)


def whole_of(
    batch: TransformerBatch, found_kwh: Floats, customers: CustomerBatch, around: Surroundings
) -> Whole:
    """The same with other transformers, whose losses are what points are judged against."""
    return Whole(replace(around, losses=_losses(batch, found_kwh)), batch, customers, found_kwh)


def _losses(batch: TransformerBatch, found_kwh: Floats) -> TransformerLosses:
    balance = energy_balance(batch)
    nothing = np.full(len(batch), np.nan)

    def where_balanced(name: str) -> Floats:
        return np.where(balance.present, balance.fields.get(name, nothing), np.nan)

    return TransformerLosses(
        transformer_id=batch.transformer_id,
        non_technical_loss_percent=where_balanced("non_technical_loss_percent"),
        lost_kwh=where_balanced("lost_kwh") / BALANCED_MONTHS,
        # An estimate covers some time before the visit, of which a year is the usual claim.
        explained_kwh=found_kwh / 12,
    )


def merge_parties(sums: list[BucketSums]) -> PartyDebts:
    """What each person or body owes at all its points."""
    empty = np.empty(0, np.int64)
    party = np.concatenate([empty, *(part.debtor_party for part in sums)])
    ids, inverse = np.unique(party, return_inverse=True)
    overdue, points = np.zeros(len(ids), np.int64), np.zeros(len(ids), np.int64)
    oldest = np.full(len(ids), np.iinfo(np.int32).max, np.int32)
    np.add.at(overdue, inverse, np.concatenate([empty, *(part.debtor_overdue for part in sums)]))
    np.add.at(points, inverse, np.concatenate([empty, *(part.debtor_points for part in sums)]))
    np.minimum.at(
        oldest, inverse, np.concatenate([empty.astype(np.int32), *(part.debtor_oldest for part in sums)])
    )
    return PartyDebts(ids, overdue, points, oldest)


def _merge_debtors(sums: list[BucketSums], as_of: int, site: Site) -> CustomerBatch:
    ids, inverse = np.unique(
        np.concatenate([np.empty(0, np.int64), *(part.debtor_id for part in sums)]), return_inverse=True
    )
    numbers = [number for part in sums for number in part.debtor_no]
    count = len(ids)
    points, outstanding, overdue = (np.zeros(count, np.int64) for _ in range(3))
    oldest = np.full(count, NO_DAY, np.int32)
    district = np.full(count, -1, np.int64)
    number_of = [""] * count
    government = np.zeros(count, np.bool_)
    if count:
        joined = {
            name: np.concatenate([getattr(part, f"debtor_{name}") for part in sums])
            for name in ("points", "outstanding", "overdue", "oldest", "district", "government")
        }
        np.add.at(points, inverse, joined["points"])
        np.add.at(outstanding, inverse, joined["outstanding"])
        np.add.at(overdue, inverse, joined["overdue"])
        oldest[:] = np.iinfo(np.int32).max
        np.minimum.at(oldest, inverse, joined["oldest"])
        # The body is shown in the lowest district id of its points: one and the same in every scan.
        district[:] = np.iinfo(np.int64).max
        np.minimum.at(district, inverse, joined["district"])
        government[inverse] = joined["government"]
        for at, number in zip(inverse.tolist(), numbers, strict=True):
            number_of[at] = number
    return CustomerBatch(
        customer_id=ids,
        customer_no=number_of,
        district_id=district,
        points=points,
        outstanding_rial=outstanding,
        overdue_rial=overdue,
        oldest_due=oldest,
        is_government=government,
        all_overdue_rial=int(overdue.sum()),
        as_of=as_of,
        site=site,
    )
