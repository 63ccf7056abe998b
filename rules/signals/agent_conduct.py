"""Signals of how a reading agent moves: pace, place and rotation of routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .registry import Field, SignalValues, signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.agent_batch import AgentBatch

_SINCE = {
    "since": Field("date", "first visit counted", "نخستین مراجعه"),
    "until": Field("date", "day after the last visit counted", "پایان دوره"),
}


def _energy_of(batch: AgentBatch, reads: NDArray[np.int64]) -> NDArray[np.float64]:
    """Energy of so many readings, each as large as the agent's mean."""
    energy: NDArray[np.float64] = batch.kwh / np.maximum(batch.visits, 1) * reads
    return energy


def _with_days(batch: AgentBatch, present: NDArray[np.bool_], **fields: NDArray[Any]) -> SignalValues:
    days = {"since": batch.since.astype(np.int64), "until": batch.until.astype(np.int64)}
    return SignalValues(present, {**fields, **days})


@signal(
    name="reading_pace",
    subject="reading_agent",
    title_en="pace of reading",
    title_fa="سرعت قرائت",
    fields={
        "median_seconds": Field("second", "median time between reads of one day", "میانه فاصله دو قرائت"),
        "most_in_ten_minutes": Field("count", "most reads within ten minutes", "بیشترین قرائت در ده دقیقه"),
        "intervals": Field("count", "pairs of consecutive reads with known times", "تعداد فاصله‌های سنجیده"),
        "doubtful_kwh": Field("kWh", "energy of the readings concerned", "انرژی قرائت‌های مورد نظر"),
        **_SINCE,
    },
    formula="median of the time between consecutive reads of one day; largest number of reads in any ten minutes",
    missing="absent where no two reads of one day have a time",
    source="engineering default: nobody walks from meter to meter in seconds",
    needs=("visits", "visit_times"),
)
def reading_pace(batch: AgentBatch) -> SignalValues:
    return _with_days(
        batch,
        batch.timed_intervals > 0,
        median_seconds=np.nan_to_num(batch.median_seconds),
        most_in_ten_minutes=batch.most_in_ten_minutes,
        intervals=batch.timed_intervals,
        # Only the busiest ten minutes are certain; the pace alone does not say which of the others were not taken.
        doubtful_kwh=_energy_of(batch, batch.most_in_ten_minutes),
    )


@signal(
    name="same_place",
    subject="reading_agent",
    title_en="many readings from one place",
    title_fa="قرائت‌های پیاپی از یک نقطه",
    fields={
        "reads": Field(
            "count", "most consecutive reads at exactly one position", "بیشترین قرائت پیاپی از یک نقطه"
        ),
        "located": Field("count", "reads with a position", "قرائت‌های دارای موقعیت"),
        "doubtful_kwh": Field("kWh", "energy of the readings concerned", "انرژی قرائت‌های مورد نظر"),
        **_SINCE,
    },
    formula="longest run of reads of one day, in time, whose coordinates are identical",
    missing="absent without positions",
    source="engineering default: coordinates of a real walk differ in the last digits",
    needs=("visits", "visit_positions", "visit_times"),
)
def same_place(batch: AgentBatch) -> SignalValues:
    return _with_days(
        batch,
        batch.located > 0,
        reads=batch.same_place_run,
        located=batch.located,
        doubtful_kwh=_energy_of(batch, batch.same_place_run),
    )


@signal(
    name="route_rotation",
    subject="reading_agent",
    title_en="one agent on one route for long",
    title_fa="ماندن مأمور در یک مسیر",
    fields={
        "cycles": Field("count", "consecutive reading cycles on one route", "دوره‌های پیاپی در یک مسیر"),
        "visits": Field("count", "visits on known routes", "مراجعه در مسیرهای معلوم"),
        "doubtful_kwh": Field("kWh", "energy of the readings concerned", "انرژی قرائت‌های مورد نظر"),
        **_SINCE,
    },
    formula="longest run of a route's reading cycles (months in which it was read) that were all the same agent's",
    missing="absent without routes",
    source="red flag of reviews of meter readers: no rotation of routes",
    needs=("visits", "visit_routes"),
)
def route_rotation(batch: AgentBatch) -> SignalValues:
    return _with_days(
        batch,
        batch.routed > 0,
        cycles=batch.longest_cycles,
        visits=batch.routed,
        # A lack of control, by which nothing is lost yet.
        doubtful_kwh=np.zeros(len(batch)),
    )
