from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .registry import Field, SignalValues, absent, signal

if TYPE_CHECKING:
    from rules.batch import PointBatch


@signal(
    name="doubtful_readings",
    subject="usage_point",
    title_en="readings that the agent's habits put in doubt",
    title_fa="قرائت‌های مورد تردید به سبب رفتار مأمور قرائت",
    fields={
        "agent": Field("code", "reading agent of most of them", "مأمور قرائت بیشتر آن‌ها"),
        "readings": Field("count", "readings in doubt within a year", "قرائت‌های مورد تردید در یک سال"),
        "share_percent": Field(
            "percent",
            "share of the readings from the first to the last of them",
            "سهم از قرائت‌های میان نخستین و آخرین آن‌ها",
        ),
        "since": Field("date", "day of the first", "نخستین روز"),
        "until": Field("date", "day of the last", "آخرین روز"),
    },
    formula=(
        "readings of agents for whom a rule on invented readings fires (one register at two customers, one consumption again "
        "and again, readings equal to the one before, photos that show another), at which just that happened"
    ),
    missing="absent where no such agent read the point, or a person has cleared the agent",
    source="an agent's anomaly may explain a run of customers' anomalies",
    needs=("visits",),
)
def doubtful_readings(batch: PointBatch) -> SignalValues:
    table = batch.doubtful
    if table is None or not len(table):
        return absent(batch)
    at = np.minimum(np.searchsorted(table.usage_point_id, batch.usage_point_id), len(table) - 1)
    return SignalValues(
        table.usage_point_id[at] == batch.usage_point_id,
        {
            "agent": table.agent_no[at],
            "readings": table.readings[at],
            "share_percent": table.readings[at] / np.maximum(table.of[at], 1) * 100.0,
            "since": table.first[at],
            "until": table.last[at],
        },
    )
