from __future__ import annotations

import numpy as np

from rules.batch import EVENT_KINDS, PointBatch, month_starts

from .grouping import sum_by_point, worst_by_point
from .registry import Field, SignalValues, signal

_REVERSE = EVENT_KINDS.index("reverse_run")


@signal(
    name="reverse_energy",
    subject="usage_point",
    title_en="energy or current that ran backwards",
    title_fa="انرژی یا جریان معکوس",
    fields={
        "observations": Field(
            "count",
            "readings at which the export register had advanced, and events of reversed current",
            "قرائت‌های رشد رجیستر صادره و رخدادهای جریان معکوس",
        ),
        "export_kwh": Field("kWh", "advance of the export register", "رشد رجیستر انرژی صادره"),
        "events": Field("count", "events of reversed current", "رخدادهای جریان معکوس"),
        "since": Field("date", "first of these observations", "نخستین مشاهده"),
        "until": Field("date", "last of these observations", "آخرین مشاهده"),
    },
    formula=(
        "Σ positive differences of consecutive readings of the export register × multiplier; reverse_run events (the "
        "meter reports a reversal after 10 seconds); both in the panel's months"
    ),
    missing="absent where no export register advanced and no reversal was reported",
    source="reverse energy and current reversal among meter events",
    needs=("export_registers", "events"),
)
def reverse_energy(batch: PointBatch) -> SignalValues:
    points, exports, events = len(batch), batch.exports, batch.events
    advanced = np.zeros(len(exports.point), np.float64)
    if len(advanced):
        same = (exports.point[1:] == exports.point[:-1]) & (
            exports.installation_id[1:] == exports.installation_id[:-1]
        )
        advanced[1:] = np.where(same, np.maximum(np.diff(exports.index_kwh), 0.0), 0.0)
    moved = np.flatnonzero(advanced > 0)
    begin = month_starts(batch.last_month, batch.months)[0]
    told = np.flatnonzero((events.kind == _REVERSE) & (events.day >= begin) & (events.day <= batch.as_of))
    point = np.concatenate([exports.point[moved], events.point[told]])
    day = np.concatenate([exports.day[moved], events.day[told]]).astype(np.int64)
    order = np.argsort(point, kind="stable")
    point, day = point[order], day[order]
    has, last = worst_by_point(point, day, points)
    _, first = worst_by_point(point, -day, points)
    padded = np.append(day, 0)
    return SignalValues(
        has,
        {
            "observations": np.bincount(point, minlength=points),
            "export_kwh": sum_by_point(exports.point[moved], advanced[moved], points),
            "events": np.bincount(events.point[told], minlength=points),
            "since": np.where(has, padded[first], 0),
            "until": np.where(has, padded[last], 0),
        },
    )
