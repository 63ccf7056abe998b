"""What signals of the hours of the last four weeks have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rules.hourly_use import RECENT_DAYS

from .registry import Field, SignalValues

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import PointBatch

TIME_FIELDS = {
    "since": Field("date", "first of the four weeks", "آغاز چهار هفته"),
    "until": Field("date", "as of", "تا تاریخ"),
}


def of_four_weeks(
    batch: PointBatch, present: NDArray[np.bool_], values: dict[str, NDArray[Any]]
) -> SignalValues:
    """`present` and `values`, which are in the rows of `batch.hourly_use`, at their points, with `TIME_FIELDS`."""
    rows, points = batch.hourly_use.point, len(batch)

    def at_points(value: NDArray[Any]) -> NDArray[Any]:
        whole = np.zeros(points, value.dtype)
        whole[rows] = value
        return whole

    return SignalValues(
        at_points(present),
        {
            **{name: at_points(value) for name, value in values.items()},
            "since": np.full(points, batch.as_of - RECENT_DAYS, np.int64),
            "until": np.full(points, batch.as_of, np.int64),
        },
    )
