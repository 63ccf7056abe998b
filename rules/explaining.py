"""Which findings another case explains: they are kept, but that case carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rules.batch import EPOCH
from rules.screen import holds

if TYPE_CHECKING:
    import datetime as dt

    from numpy.typing import NDArray

    from rules.facts import SignalTable
    from rules.rule import Rule


def explained_by(
    table: SignalTable, rule: Rule, rows: NDArray[np.int64], period: dict[str, list[dt.date]]
) -> list[str]:
    """(rows,) number of the reading agent whose case explains the rule's finding about a subject; "" for none.

    All of `explained_by` must hold, and the readings in doubt lie in the time that the finding looks at: from `since` of its
    `period` to `until`, as far as the rule's signals say.
    """
    if not rule.explained_by:
        return [""] * len(rows)
    met = np.ones(len(table.batch), np.bool_)
    for condition in rule.explained_by:
        met &= holds(table, rule, condition)
    (name,) = {condition.signal for condition in rule.explained_by}
    if not met[rows].any():
        return [""] * len(rows)
    since, until = (table.column(name, field)[rows] for field in ("since", "until"))
    explains = met[rows]
    if "since" in period:
        explains &= until >= _days(period["since"])
    if "until" in period:
        explains &= since < _days(period["until"])
    numbers: list[str] = np.where(explains, table.column(name, "agent")[rows], "").tolist()
    return numbers


def _days(dates: list[dt.date]) -> NDArray[np.int64]:
    return np.array([(date - EPOCH).days for date in dates], np.int64)
