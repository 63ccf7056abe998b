"""One chunk of the synthetic utility: some 20,000 usage points with everything that hangs on them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from etl.synth import numbers
from etl.synth.billing import make_bills
from etl.synth.kinds import Circumstance, Planted, Shares
from etl.synth.load import base_use, daily_use
from etl.synth.metering import add_metering
from etl.synth.network import (
    Layout,
    layouts,
    network_frames,
    rated_kva,
    transformer_codes,
)
from etl.synth.parties import dates, settle, subscription_numbers
from etl.synth.payments import pay
from etl.synth.planting import plan_planting
from etl.synth.population import Population, populate
from etl.synth.premises import (
    event_frame,
    inspection_frame,
    meter_frames,
    meter_serials,
    status_frame,
    usage_point_frames,
)
from etl.synth.readings import billed_share, read_registers, recorded_share
from etl.synth.slips import make_slips, reconnect_debtors
from etl.synth.truth import truth_frame
from etl.synth.window import FloatArray, Window
from tarazu.errors import InputError
from tarazu.models.enums import Register

DEFAULT_END = dt.date(2026, 9, 23)
"""1 Mehr 1405. Fixed, because the same arguments must give the same utility on any day."""

# Technical loss of a transformer and the lines behind it.
_TECHNICAL_LOSS = (0.03, 0.06)
_PEAK_TO_AVERAGE = 2.2
# What a well that runs on in the closed season uses of its summer's use.
_WINTER_SHARE = 0.7


@dataclass(frozen=True, slots=True)
class SynthChunk:
    """`tables` holds a frame for each table of `tarazu.models` that a utility exports, with the models' columns but
    surrogate ids; parents stand by natural key (`subscription_no`, `customer_no`, `agreement_no`,
    `meter_serial_no`, `district_code`, `transformer_code`, `feeder_code`, `exchange_point_code`, `invoice_no`,
    `payment_no`). `invoice_line` is wide: one column a line code, in the order of `invoice`. A parent never stands
    in a later chunk than its child.

    `truth` says what was planted. `balance` splits each `transformer_energy.delivered_kwh` into `used_kwh` and
    `loss_kwh`; `used_kwh` is (points, months), the true use of each row of `usage_point` in each month.
    """

    number: int
    tables: dict[str, pl.DataFrame]
    truth: pl.DataFrame
    balance: pl.DataFrame
    used_kwh: FloatArray


def frames(
    customers: int,
    seed: int,
    months: int = 24,
    end: dt.date = DEFAULT_END,
    *,
    shares: Shares | None = None,
) -> Iterator[SynthChunk]:
    """The utility of `customers` usage points, chunk by chunk; nothing of a chunk is kept when the next is made.

    `end` is the day of the export: bills are read up to the last whole Jalali month before it, payments go up to
    it. The same arguments give the same utility.

    Raises InputError where `customers` is below 200 (each of the eight districts needs a street) or above
    5,000,000 (the identifiers run out), and where `months` is odd or outside 24–120.
    """
    if not 200 <= customers <= 5_000_000:
        raise InputError(
            f"The synthetic utility cannot have {customers} customers.", mend="Give 200 to 5,000,000."
        )
    window = Window.ending(end, months)
    return _frames(customers, seed, window, shares or Shares())


def _frames(customers: int, seed: int, window: Window, shares: Shares) -> Iterator[SynthChunk]:
    for layout, rng in layouts(customers, seed):
        yield _chunk(layout, window, shares, rng)


def _chunk(layout: Layout, window: Window, shares: Shares, rng: np.random.Generator) -> SynthChunk:
    people = populate(layout, window, shares, rng)
    parties = settle(layout, people, window, rng)
    base = base_use(people, rng)
    plan = plan_planting(people, parties, base, window, shares, layout.chunk, rng)
    use = daily_use(people, base, window, rng)
    wells = plan.planted(Planted.CLOSED_SEASON)
    # A well that runs on in winter: what it feeds is no field.
    use[wells] = np.maximum(use[wells], _WINTER_SHARE * base[wells, None])
    recorded = use * recorded_share(plan, window)

    subscription = subscription_numbers(layout)
    serials = meter_serials(layout)
    unrecorded = ((use - recorded) * window.lengths)[:, Window.LEAD :].sum(axis=1)
    bills, payments = [], []
    for monthly in (False, True):
        rows = np.flatnonzero(people.demand == monthly)
        readings, lost = read_registers(rows, people, plan, recorded, window, monthly=monthly)
        unrecorded[rows] += lost
        made = make_bills(
            readings, people, parties, plan, subscription, serials, window, rng, monthly=monthly
        )
        bills.append(made)
        payments.append(pay(made, people, plan, shares, subscription, window, rng))

    used_kwh = _monthly_use(use, people, window)
    loss = rng.uniform(*_TECHNICAL_LOSS, layout.transformers)
    balance = _balance(layout, people, used_kwh, loss, window)
    tables = {
        **network_frames(layout, _kva(layout, balance)),
        **parties.frames,
        **usage_point_frames(layout, people, window, subscription, rng),
        "usage_point_status": status_frame(people, parties, plan, window, subscription),
        **meter_frames(people, serials, window, subscription, rng),
        "end_device_event": event_frame(people, plan, serials, window, rng),
        "invoice": pl.concat([cohort.invoice for cohort in bills]),
        "invoice_line": pl.concat([cohort.invoice_line for cohort in bills]),
        "payment": pl.concat([cohort.payment for cohort in payments]),
        "payment_allocation": pl.concat([cohort.payment_allocation for cohort in payments]),
        "inspection": inspection_frame(people, plan, shares, window, subscription, rng),
        "transformer_energy": balance.drop("used_kwh", "loss_kwh"),
    }
    lost_share = _lost_share(layout, people, used_kwh, recorded * billed_share(people, plan, window), window)
    truth = truth_frame(layout, people, parties, plan, payments, unrecorded, lost_share, subscription, window)
    plain = (plan.kind < 0) & people.has(Circumstance.NONE) & (plan.unpaid_from < 0) & (plan.lag_from < 0)
    slips = np.random.default_rng(rng.integers(2**63))
    untouched = numbers.text(subscription[np.flatnonzero(plain)])
    truth = pl.concat(
        [
            truth,
            make_slips(tables, untouched, shares, layout.chunk, slips),
            reconnect_debtors(tables, truth, shares, layout.chunk, slips),
        ]
    )
    tables["meter_reading"] = _meter_readings(tables["invoice"])
    tables = add_metering(tables, people, plan, base, subscription, serials[0], window, rng.spawn(1)[0])
    return SynthChunk(layout.chunk, tables, truth, balance, used_kwh)


def _monthly_use(use: FloatArray, people: Population, window: Window) -> FloatArray:
    """Energy (kWh) of each point in each month of the window, (points, months)."""
    days = np.broadcast_to(window.lengths, use.shape).astype(np.float64)
    new = np.flatnonzero(people.has(Circumstance.NEW_POINT))
    days[new, people.circumstance_from[new]] -= people.reading_day[new]
    return (use * days)[:, Window.LEAD :]


def _balance(
    layout: Layout, people: Population, used_kwh: FloatArray, loss: FloatArray, window: Window
) -> pl.DataFrame:
    """What each transformer delivered in each month: all that was used behind it, paid for or not, and its loss."""
    months = used_kwh.shape[1]
    used = np.zeros((layout.transformers, months))
    behind = people.transformer >= 0
    np.add.at(used, people.transformer[behind], used_kwh[behind])
    delivered = np.round(used / (1 - loss[:, None]), 2)
    starts = window.starts[Window.LEAD :]
    return pl.DataFrame(
        {
            "transformer_code": transformer_codes(np.repeat(layout.transformer_code, months)),
            "period_start": dates(np.tile(starts[:-1], layout.transformers)),
            "period_end": dates(np.tile(starts[1:], layout.transformers)),
            "delivered_kwh": delivered.ravel(),
            "used_kwh": used.ravel(),
            "loss_kwh": (delivered - used).ravel(),
        }
    )


def _lost_share(
    layout: Layout, people: Population, used_kwh: FloatArray, billed: FloatArray, window: Window
) -> FloatArray:
    """What the bills miss of the use behind each transformer in the last three months, (transformers,)."""
    recent = slice(-3, None)
    lost = (used_kwh[:, recent] - billed[:, recent] * window.lengths[recent]).sum(axis=1)
    behind = people.transformer >= 0
    row, size = people.transformer[behind], layout.transformers
    used = np.bincount(row, weights=used_kwh[behind, recent].sum(axis=1), minlength=size)
    return np.bincount(row, weights=lost[behind], minlength=size) / np.maximum(used, 1.0)


def _kva(layout: Layout, balance: pl.DataFrame) -> FloatArray:
    days = (balance["period_end"] - balance["period_start"]).dt.total_days().to_numpy()
    average_kw = (balance["delivered_kwh"].to_numpy() / days / 24).reshape(layout.transformers, -1)
    return rated_kva(average_kw.max(axis=1) * _PEAK_TO_AVERAGE)


def _meter_readings(invoice: pl.DataFrame) -> pl.DataFrame:
    """The reading that closed each bill; the one that opened it closed the bill before."""
    return invoice.select(
        "subscription_no",
        "meter_serial_no",
        read_on="period_end",
        register=pl.lit(Register.TOTAL.value),
        index_value="current_index",
        quality="reading_quality",
    ).unique(maintain_order=True, subset=["meter_serial_no", "read_on", "index_value"])
