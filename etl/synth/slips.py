"""Slips of the billing office: single wrong bills, payments and terms, made after everything else of a chunk.

They have a random stream of their own, so that the rest of the utility is the same with and without them.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from etl.synth.kinds import EXPECTED_RULES, Planted, Shares
from etl.synth.population import count_of
from tarazu.models.enums import InvoiceKind, ReadingQuality, SubjectKind, UsagePointStatusKind

Tables = dict[str, pl.DataFrame]

# Two-monthly periods last 59 to 62 days: 16 fewer are below the 50 that are usual, 16 more above the 75.
_SHIFT_DAYS: Final = 16
_REMAINDER_RIAL: Final = 137
_WRONG_POWER_KW: Final = 45.0
_LATE_DAYS: Final = 20
# What is left of the energy in the first and second revision.
_REVISED: Final = (0.75, 0.6)


@dataclass(frozen=True, slots=True)
class _Slip:
    """One bill (`row` of the frames `invoice` and `invoice_line`) and the one after it of the same point."""

    subscription_no: str
    row: int
    next_row: int


def make_slips(
    tables: Tables, untouched: pl.Series, shares: Shares, chunk: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Change `tables` in place and return the rows of `truth` that say so (`subject_key`, `kind`, `start_date`, …).

    `untouched` are the subscription numbers of points to which nothing else happens.
    """
    free = untouched.to_list()
    points = tables["usage_point"].height
    demand = set(
        tables["usage_point_term"].filter(pl.col("contracted_power_kw") > 30)["subscription_no"].to_list()
    )
    rows: dict[str, list[int]] = {}
    for row, number in enumerate(tables["invoice"]["subscription_no"].to_list()):
        rows.setdefault(number, []).append(row)
    told: list[tuple[str, str, int]] = []
    for place, (kind, (of_demand, slip)) in enumerate(_SLIPS.items()):
        # Demand customers are few: one may suffer several slips, each in a bill of its own.
        among = untouched.to_list() if of_demand else free
        back = 3 * (place + 1) if of_demand else 3
        hosts = [number for number in among if of_demand is None or (number in demand) == of_demand]
        hosts = [number for number in hosts if len(rows.get(number, ())) > back]
        count = min(count_of(shares.of(kind), points, chunk, rng), len(hosts))
        chosen = [hosts[i] for i in sorted(rng.choice(len(hosts), count, replace=False).tolist())]
        free = sorted(set(free) - set(chosen))
        for number in chosen:
            own = rows[number]
            # Neither the first bill nor the newest two: whatever follows a slip is there too.
            at = len(own) - back
            slip(tables, _Slip(number, own[at], own[at + 1]))
            told.append((number, kind.value, own[at]))
    return _truth(tables, told)


def _truth(tables: Tables, told: list[tuple[str, str, int]]) -> pl.DataFrame:
    numbers = [number for number, _, _ in told]
    kinds = [kind for _, kind, _ in told]
    starts = [tables["invoice"]["period_start"][row] for _, _, row in told]
    return pl.DataFrame(
        {
            "subject_kind": [SubjectKind.USAGE_POINT.value] * len(told),
            "subject_key": numbers,
            "kind": kinds,
            "start_date": starts,
            "rule_ids": [EXPECTED_RULES[Planted(kind)] for kind in kinds],
            "customer_no": [None] * len(told),
            "transformer_code": [None] * len(told),
            "unrecorded_kwh": [0.0] * len(told),
        },
        schema={
            **dict.fromkeys(("subject_kind", "subject_key", "kind"), pl.String),
            "start_date": pl.Date,
            **dict.fromkeys(("rule_ids", "customer_no", "transformer_code"), pl.String),
            "unrecorded_kwh": pl.Float64,
        },
    )


def _set(tables: Tables, table: str, column: str, row: int, value: float | str | dt.date | None) -> None:
    frame = tables[table]
    tables[table] = frame.with_columns(frame[column].clone().scatter(row, value))


def _add(tables: Tables, table: str, column: str, row: int, amount: float) -> None:
    series = tables[table][column]
    if series.dtype == pl.Date:
        day = series.cast(pl.Int32)[row] + int(amount)
        _set(tables, table, column, row, pl.Series([day]).cast(pl.Int32).cast(pl.Date)[0])
    else:
        _set(tables, table, column, row, series[row] + amount)


def _shift_reading(tables: Tables, slip: _Slip) -> None:
    """The reading between two bills was taken too early."""
    for column in ("period_end", "issued_on", "due_on"):
        _add(tables, "invoice", column, slip.row, -_SHIFT_DAYS)
    _add(tables, "invoice", "period_start", slip.next_row, -_SHIFT_DAYS)


def _leave_remainder(tables: Tables, slip: _Slip) -> None:
    _add(tables, "invoice", "payable_rial", slip.row, _REMAINDER_RIAL)
    _add(tables, "invoice_line", "rounding", slip.row, _REMAINDER_RIAL)


def _register_power(tables: Tables, slip: _Slip) -> None:
    """An ordinary point has the power of a demand customer."""
    row = tables["usage_point_term"]["subscription_no"].to_list().index(slip.subscription_no)
    _set(tables, "usage_point_term", "contracted_power_kw", row, _WRONG_POWER_KW)


def _revise(tables: Tables, slip: _Slip) -> None:
    """The bill is revised twice; nothing is paid for the revisions."""
    bill, lines = tables["invoice"][slip.row], tables["invoice_line"][slip.row]
    units = bill["current_index"][0] - bill["previous_index"][0]
    for number, share in enumerate(_REVISED, start=1):
        kept = float(np.floor(max(units, 10.0) * share))
        name = f"{bill['invoice_no'][0]}{number}"
        revised = bill.with_columns(
            invoice_no=pl.lit(name),
            kind=pl.lit(InvoiceKind.REVISED.value),
            billing_period=pl.col("billing_period") + 50 + 10 * number,
            bill_id=pl.lit(None, pl.String),
            payment_id=pl.lit(None, pl.String),
            current_index=pl.col("previous_index") + kept,
            consumption_kwh=kept * pl.col("multiplier"),
            payable_rial=pl.lit(None, pl.Int64),
            **{f"step_{n}_kwh": pl.lit(None, pl.Float64) for n in range(1, 5)},
        )
        empty = {name: pl.lit(None, pl.Int64) for name in lines.columns[2:]}
        tables["invoice"] = pl.concat([tables["invoice"], revised.select(tables["invoice"].columns)])
        tables["invoice_line"] = pl.concat(
            [tables["invoice_line"], lines.with_columns(invoice_no=pl.lit(name), **empty)]
        )


def _issue_late(tables: Tables, slip: _Slip) -> None:
    for column in ("issued_on", "due_on"):
        _add(tables, "invoice", column, slip.row, _LATE_DAYS)


def _lose_register(tables: Tables, slip: _Slip) -> None:
    _set(tables, "invoice", "reactive_kvarh", slip.row, None)


def _read_by_customer(tables: Tables, slip: _Slip) -> None:
    """A customer reads a third less than the register shows; the next bill catches up, all of it in the low band."""
    bill = tables["invoice"][slip.row]
    multiplier = bill["multiplier"][0]
    low_units = bill["low_kwh"][0] / multiplier
    less = float(np.floor(min(low_units, (bill["current_index"][0] - bill["previous_index"][0]) / 3)))
    _set(tables, "invoice", "reading_quality", slip.row, ReadingQuality.SELF_READ.value)
    _add(tables, "invoice", "current_index", slip.row, -less)
    _add(tables, "invoice", "previous_index", slip.next_row, -less)
    for row, sign in ((slip.row, -1), (slip.next_row, 1)):
        for column in ("low_kwh", "consumption_kwh"):
            _add(tables, "invoice", column, row, sign * less * multiplier)


def _undertax(tables: Tables, slip: _Slip) -> None:
    """Half of the tax went into the subscription charge."""
    half = tables["invoice_line"]["vat"][slip.row] // 2
    _add(tables, "invoice_line", "vat", slip.row, -half)
    _add(tables, "invoice_line", "subscription_charge", slip.row, half)


def _calculate_read_demand(tables: Tables, slip: _Slip) -> None:
    """The demand was calculated with half of the right one."""
    right = tables["invoice"]["calculated_demand_kw"][slip.row]
    _set(tables, "invoice", "calculated_demand_kw", slip.row, round(right / 2, 1))


def _misprice(tables: Tables, slip: _Slip) -> None:
    """A third of the energy charge went into the subscription charge."""
    third = tables["invoice_line"]["energy_charge"][slip.row] // 3
    _add(tables, "invoice_line", "energy_charge", slip.row, -third)
    _add(tables, "invoice_line", "subscription_charge", slip.row, third)


def _pay_twice(tables: Tables, slip: _Slip) -> None:
    bill = tables["invoice"][slip.row]
    again = pl.DataFrame(
        {
            "payment_no": [f"{bill['invoice_no'][0]}9"],
            "subscription_no": [slip.subscription_no],
            "paid_on": [bill["due_on"][0]],
            "amount_rial": [bill["payable_rial"][0]],
            "channel": ["internet"],
            "bank_code": ["012"],
        },
        schema=tables["payment"].schema,
    )
    tables["payment"] = pl.concat([tables["payment"], again])


_SLIPS: Final[dict[Planted, tuple[bool | None, Callable[[Tables, _Slip], None]]]] = {
    # First those of demand customers, of whom there are few.
    Planted.REGISTER_MISSING: (True, _lose_register),
    Planted.SELF_READ_LOW: (True, _read_by_customer),
    Planted.DEMAND_TOO_SMALL: (True, _calculate_read_demand),
    Planted.PERIOD_SHIFTED: (False, _shift_reading),
    Planted.NOT_ROUNDED: (None, _leave_remainder),
    Planted.WRONG_SEGMENT: (False, _register_power),
    Planted.REVISED_TWICE: (False, _revise),
    Planted.ISSUED_LATE: (None, _issue_late),
    Planted.UNDERTAXED: (None, _undertax),
    Planted.MISPRICED: (False, _misprice),
    Planted.PAID_TWICE: (None, _pay_twice),
}


def reconnect_debtors(
    tables: Tables, truth: pl.DataFrame, shares: Shares, chunk: int, rng: np.random.Generator
) -> pl.DataFrame:
    """Cut some of the debtors for a week and let them back without a payment; the rows of `truth` that say so."""
    cut = set(tables["usage_point_status"]["subscription_no"].to_list())
    debtors = truth.filter(
        (pl.col("kind") == Planted.DEBTOR.value)
        & pl.col("rule_ids").str.contains("C02")
        & ~pl.col("subject_key").is_in(sorted(cut))
    ).sort("start_date", "subject_key")
    count = count_of(shares.of(Planted.RECONNECTED), tables["usage_point"].height, chunk, rng)
    chosen = debtors.head(count)
    since = chosen["start_date"].cast(pl.Int32) + 60
    status = pl.DataFrame(
        {
            "subscription_no": chosen["subject_key"],
            "kind": pl.repeat(
                UsagePointStatusKind.DISCONNECTED.value, chosen.height, dtype=pl.String, eager=True
            ),
            "valid_from": since.cast(pl.Date),
            "valid_to": (since + 7).cast(pl.Date),
        }
    )
    tables["usage_point_status"] = pl.concat([tables["usage_point_status"], status])
    return chosen.with_columns(
        kind=pl.lit(Planted.RECONNECTED.value), rule_ids=pl.lit(EXPECTED_RULES[Planted.RECONNECTED])
    )
