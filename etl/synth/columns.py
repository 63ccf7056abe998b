"""How a column of the utility is written in an export: header, calendar, digits, words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

import numpy as np
import polars as pl

from etl.synth.premises import TEHRAN_OFFSET_SECONDS
from tarazu.jalali import epoch_days_to_jalali
from tarazu.text import to_persian_digits

Form = Literal["plain", "whole", "jalali", "jalali_time", "choice"]

_FIRST_DAY: Final = 9_000  # 1373; the oldest connection is of 1375
_LAST_DAY: Final = 26_000  # 1420
_ASCII: Final = list("0123456789")
_PERSIAN: Final = [to_persian_digits(digit) for digit in _ASCII]


@dataclass(frozen=True, slots=True)
class Column:
    """`header` in the file, `field` of the frame. `whole` writes a float without decimals; `words` are those of a
    choice; `persian` writes Persian digits.
    """

    header: str
    field: str
    form: Form = "plain"
    persian: bool = False
    words: Mapping[str, str] | None = None

    def render(self, frame: pl.DataFrame) -> pl.Series:
        series = frame[self.field]
        match self.form:
            case "whole":
                series = series.cast(pl.Int64)
            case "jalali":
                return _jalali(series, persian=self.persian).alias(self.header)
            case "jalali_time":
                series = _jalali_time(series)
            case "choice":
                words = self.words or {}
                return series.replace_strict(words, return_dtype=pl.String).alias(self.header)
        if self.persian:
            series = series.cast(pl.String).str.replace_many(_ASCII, _PERSIAN)
        return series.alias(self.header)


@cache
def _day_texts(*, persian: bool) -> pl.Series:
    year, month, day = epoch_days_to_jalali(np.arange(_FIRST_DAY, _LAST_DAY))
    texts = [f"{y}/{m:02}/{d:02}" for y, m, d in zip(year, month, day, strict=True)]
    return pl.Series([to_persian_digits(text) for text in texts] if persian else texts)


def _jalali(dates: pl.Series, *, persian: bool) -> pl.Series:
    return _day_texts(persian=persian).gather(dates.cast(pl.Int32) - _FIRST_DAY)


def _jalali_time(instants: pl.Series) -> pl.Series:
    local = instants.dt.replace_time_zone(None) + pl.duration(seconds=TEHRAN_OFFSET_SECONDS)
    wall = pl.select(local).to_series()
    return _jalali(wall.dt.date(), persian=False) + " " + wall.dt.strftime("%H:%M:%S")
