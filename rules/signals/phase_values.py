"""What voltages and currents by phase tell of a meter that sees only a part of the load."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rules.batch import PointBatch

from .interval_runs import Series, longest_run, moment, series_of
from .registry import Field, SignalValues, absent, signal

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PHASES, _NEUTRAL = 3, 4
_LINES = 8  # more than the largest phase code
_DAY_MINUTES = 1440.0
# A meter that has lost one phase of three registers two: half as much again is missing.
_MISSING_PER_REGISTERED = 0.5
_LARGEST_RATIO = 1000.0

_RUN_FIELDS = {
    "minutes": Field("minute", "longest time without a break", "طولانی‌ترین زمان پیوسته"),
    "total_minutes": Field("minute", "all such times together", "مجموع زمان‌ها"),
}
_DAY_FIELDS = {
    "lost_kwh": Field("kWh", "energy that was not registered in these times", "انرژی ثبت‌نشده در این زمان‌ها"),
    "since": Field("date", "day on which the longest time began (UTC)", "آغاز طولانی‌ترین زمان"),
    "until": Field("date", "day after its end (UTC)", "پایان طولانی‌ترین زمان"),
}


@signal(
    name="phase_voltage_loss",
    subject="usage_point",
    title_en="a phase without voltage that carries current",
    title_fa="قطع ولتاژ فاز در حال عبور جریان",
    fields={
        **_RUN_FIELDS,
        "least_voltage_v": Field("V", "lowest voltage of a phase under load", "کمترین ولتاژ فاز زیر بار"),
        **_DAY_FIELDS,
    },
    formula=(
        "U < lost_voltage_percent of the nominal voltage while I > load_current_percent of the reference current, at "
        "the same moment and phase; lost: half of the registered use in that time (one phase of three)"
    ),
    missing="absent where no phase has voltage and current of one moment",
    source="loss of phase voltage as a family of meter events; site values are engineering defaults",
    needs=("phase_voltages", "phase_currents"),
)
def phase_voltage_loss(batch: PointBatch) -> SignalValues:
    if not len(batch.intervals.point):
        return absent(batch)
    points, limits = len(batch), batch.site.electrical
    voltage, current = series_of(batch, "voltage_v"), series_of(batch, "current_a")
    voltage, current = voltage.at(_of_phase(voltage)), current.at(_of_phase(current))
    at, both = _same_moment(voltage, current)
    volts, amperes = voltage.value, np.where(both, np.append(current.value, 0.0)[at], 0.0)
    loaded = both & (amperes > limits.load_current_percent / 100.0 * limits.reference_current_a)
    lost = loaded & (volts < limits.lost_voltage_percent / 100.0 * limits.nominal_voltage_v)
    run = longest_run(batch, voltage, lost)
    least = np.full(points, np.inf)
    np.minimum.at(least, voltage.point[loaded], volts[loaded])
    seen = np.bincount(voltage.point[both], minlength=points) > 0
    return SignalValues(
        seen,
        {
            "minutes": run.minutes,
            "total_minutes": run.total_minutes,
            "least_voltage_v": np.where(np.isinf(least), limits.nominal_voltage_v, least),
            "lost_kwh": _missing_phase_kwh(batch, run.total_minutes),
            "since": run.since,
            "until": run.until,
        },
    )


@signal(
    name="current_unbalance",
    subject="usage_point",
    title_en="unequal currents of the three phases",
    title_fa="عدم تعادل جریان سه فاز",
    fields={
        **_RUN_FIELDS,
        "unbalance_percent": Field(
            "percent",
            "largest distance of a phase from the mean in these times",
            "بیشترین فاصله فاز از میانگین",
        ),
        "least_share_percent": Field(
            "percent", "smallest phase as a share of the mean in these times", "کمترین سهم یک فاز از میانگین"
        ),
        **_DAY_FIELDS,
    },
    formula=(
        "max |I − mean| / mean > unbalance_percent while the mean exceeds unbalance_load_percent of the reference "
        "current; lost: half of the registered use in that time (one phase of three)"
    ),
    missing="absent where no moment has the currents of all three phases",
    source="utility practice: 20 % off the average; a phase near zero is a missing current transformer",
    needs=("phase_currents",),
)
def current_unbalance(batch: PointBatch) -> SignalValues:
    if not len(batch.intervals.point):
        return absent(batch)
    points, limits = len(batch), batch.site.electrical
    current = series_of(batch, "current_a")
    first, amperes = _three_phases(current)
    moments = current.at(first)
    mean = amperes.mean(axis=1)
    safe = np.where(mean > 0, mean, 1.0)
    distance = np.abs(amperes - mean[:, None]).max(axis=1) / safe * 100.0
    flags = mean > limits.unbalance_load_percent / 100.0 * limits.reference_current_a
    flags &= distance > limits.unbalance_percent
    run = longest_run(batch, moments, flags)
    largest, least = np.zeros(points), np.full(points, 100.0)
    np.maximum.at(largest, moments.point[flags], distance[flags])
    np.minimum.at(least, moments.point[flags], (amperes.min(axis=1) / safe * 100.0)[flags])
    return SignalValues(
        np.bincount(moments.point, minlength=points) > 0,
        {
            "minutes": run.minutes,
            "total_minutes": run.total_minutes,
            "unbalance_percent": largest,
            "least_share_percent": least,
            "lost_kwh": _missing_phase_kwh(batch, run.total_minutes),
            "since": run.since,
            "until": run.until,
        },
    )


@signal(
    name="neutral_difference",
    subject="usage_point",
    title_en="phase and neutral currents that differ",
    title_fa="اختلاف جریان فاز و نول",
    fields={
        **_RUN_FIELDS,
        "ratio": Field(
            "factor", "largest of larger over smaller current", "بیشترین نسبت جریان بزرگ‌تر به کوچک‌تر"
        ),
        **_DAY_FIELDS,
    },
    formula=(
        "max(I phase, I neutral) / min > neutral_ratio while the larger exceeds load_current_percent of the reference "
        "current; lost: Σ difference × nominal voltage × time; a ratio above 1,000 counts as 1,000"
    ),
    missing="absent for points that are not single-phase, and where no moment has both currents",
    source="meter firmware: 1.1; earth loading and bypass of one conductor",
    needs=("phase_currents",),
)
def neutral_difference(batch: PointBatch) -> SignalValues:
    if not len(batch.intervals.point):
        return absent(batch)
    points, limits = len(batch), batch.site.electrical
    current = series_of(batch, "current_a")
    single = batch.phase_count[current.point] == 1
    phase = current.at(single & (current.phase == 1))
    neutral = current.at(single & (current.phase == _NEUTRAL))
    neutral = Series(
        neutral.point, np.ones_like(neutral.phase), neutral.second, neutral.minutes, neutral.value
    )
    at, both = _same_moment(phase, neutral)
    back = np.where(both, np.append(neutral.value, 0.0)[at], phase.value)
    large, small = np.maximum(phase.value, back), np.minimum(phase.value, back)
    loaded = both & (large > limits.load_current_percent / 100.0 * limits.reference_current_a)
    differs = loaded & (large > limits.neutral_ratio * small)
    run = longest_run(batch, phase, differs)
    ratio = np.where(small * _LARGEST_RATIO > large, large / np.where(small > 0, small, 1.0), _LARGEST_RATIO)
    largest = np.ones(points)
    np.maximum.at(largest, phase.point[loaded], ratio[loaded])
    watts = (large - small) * limits.nominal_voltage_v
    kwh = np.bincount(
        phase.point[differs], weights=(watts * phase.minutes)[differs] / 60_000.0, minlength=points
    )
    return SignalValues(
        np.bincount(phase.point[both], minlength=points) > 0,
        {
            "minutes": run.minutes,
            "total_minutes": run.total_minutes,
            "ratio": largest,
            "lost_kwh": kwh.astype(np.float64),
            "since": run.since,
            "until": run.until,
        },
    )


def _of_phase(series: Series) -> NDArray[np.bool_]:
    of_phase: NDArray[np.bool_] = (series.phase >= 1) & (series.phase <= _PHASES)
    return of_phase


def _same_moment(one: Series, other: Series) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """((rows of one,) row of `other` at the same point, phase and second, (rows of one,) whether there is one)."""
    wanted, there = moment(one, _LINES), moment(other, _LINES)
    at = np.searchsorted(there, wanted)
    return at, np.append(there, -1)[at] == wanted


def _three_phases(current: Series) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(rows of phase 1 at moments that have all three phases, (moments, 3) amperes)."""
    moments = moment(current, _LINES)
    rows = np.flatnonzero(current.phase == 1)
    step = np.int64(1) << 33
    padded_moment, padded_value = np.append(moments, -1), np.append(current.value, 0.0)
    amperes = np.empty((len(rows), _PHASES))
    complete = np.ones(len(rows), np.bool_)
    for phase in range(_PHASES):
        wanted = moments[rows] + phase * step
        at = np.searchsorted(moments, wanted)
        complete &= padded_moment[at] == wanted
        amperes[:, phase] = padded_value[at]
    return rows[complete], amperes[complete]


def _missing_phase_kwh(batch: PointBatch, minutes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.nan_to_num(batch.recent_daily_kwh) * minutes / _DAY_MINUTES * _MISSING_PER_REGISTERED
