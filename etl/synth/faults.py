"""Rows that an import must refuse, for showing how quarantine works."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from etl.synth.window import IntArray
from tarazu.errors import InputError

# (file, column, what stands there instead, reason of the refusal). Only rows to which no other row refers, so that
# one fault refuses one row of one file.
_FAULTS: Final = (
    ("payments.csv", "تاریخ پرداخت", "1404/13/01", "date_month"),
    ("invoices.csv", "شناسه قبض", None, "check_digit"),
    ("payments.csv", "مبلغ (ریال)", "۱۲۰۰۰-", "not_positive"),
    ("inspections.csv", "شماره اشتراک", "99999999", "unknown_parent"),
)


def corrupt(files: dict[str, pl.DataFrame], faults: int, seed: int) -> dict[str, int]:
    """Spoil `faults` rows of the rendered `files` in place of sound ones; how many by reason.

    Raises InputError where there are not that many rows to spoil.
    """
    rng = np.random.default_rng(seed)
    candidates = {
        "payments.csv": np.arange(files["payments.csv"].height),
        "inspections.csv": np.arange(files["inspections.csv"].height),
        "invoices.csv": _unpaid(files),
    }
    made = dict.fromkeys([reason for *_, reason in _FAULTS], 0)
    for number in range(faults):
        file, column, value, reason = _FAULTS[number % len(_FAULTS)]
        left = candidates[file]
        if not len(left):
            raise InputError(f"There are no rows of {file} left to spoil.", mend="Ask for fewer faults.")
        place = int(rng.integers(len(left)))
        row = int(left[place])
        candidates[file] = np.delete(left, place)
        old = str(files[file][column][row])
        spoilt = value or old[:-1] + str((int(old[-1]) + 5) % 10)
        files[file] = _replaced(files[file], column, row, spoilt)
        made[reason] += 1
    return made


def _replaced(frame: pl.DataFrame, column: str, row: int, value: str) -> pl.DataFrame:
    changed = frame[column].cast(pl.String).scatter(row, value)
    return frame.with_columns(changed.alias(column))


def _unpaid(files: dict[str, pl.DataFrame]) -> IntArray:
    paid = files["payments.csv"]["شماره صورتحساب"]
    bills = files["invoices.csv"]
    # Revisions have no bill id to spoil.
    unpaid = ~bills["شماره صورتحساب"].is_in(paid.drop_nulls().implode()) & bills["شناسه قبض"].is_not_null()
    return np.flatnonzero(unpaid.to_numpy())
