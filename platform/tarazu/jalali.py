"""The Jalali (solar Hijri) calendar at the edges; inside, a date is Gregorian.

Years 1200–1500 are supported. Leap years come from persiantools, whose 33-year rule gives the official ones
for this range (1399, 1403, 1408); the 2820-year rule that other libraries use makes 1404 leap instead of 1403.

The array functions work on days since 1970-01-01, which is what Arrow's date32 and NumPy's datetime64[D] hold.

Reasons of a DateError: `format` (not a date's shape), `year` (outside 1200–1500), `month`, `day`, and
`not_leap` (30 Esfand of a common year).
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from persiantools.jdatetime import MONTH_NAMES_EN, MONTH_NAMES_FA, JalaliDate

from tarazu.errors import DateError
from tarazu.text import Locale, normalize_digits, normalize_letters, to_persian_digits

FIRST_YEAR: Final = 1200
LAST_YEAR: Final = 1500

# Source systems write the last day of 1499 for "never expires". It becomes the last date that Python,
# PostgreSQL and Arrow all can hold, and 1499/12/29 again at the edge. The true last day of 1499
# (2121-03-20) is written the same and so does not survive a round trip.
FAR_FUTURE: Final = dt.date(9999, 12, 31)
FAR_FUTURE_JALALI: Final = (1499, 12, 29)

_EPOCH_ORDINAL: Final = dt.date(1970, 1, 1).toordinal()
FAR_FUTURE_EPOCH_DAYS: Final = FAR_FUTURE.toordinal() - _EPOCH_ORDINAL

IntArray = npt.NDArray[np.integer[Any]]

_SEPARATED: Final = re.compile(r"(\d{4}|\d{2})([/-])(\d{1,2})\2(\d{1,2})", re.ASCII)
_BARE: Final = re.compile(r"(\d{4}|\d{2})(\d{2})(\d{2})", re.ASCII)
_NO_DATE: Final = re.compile(r"[0/\-\s]*", re.ASCII)

# Days since the epoch of 1 Farvardin, for FIRST_YEAR … LAST_YEAR + 1.
_YEAR_START: Final = np.array(
    [
        # persiantools annotates only some of its methods.
        JalaliDate(year, 1, 1).to_gregorian().toordinal() - _EPOCH_ORDINAL  # type: ignore[no-untyped-call]
        for year in range(FIRST_YEAR, LAST_YEAR + 2)
    ],
    dtype=np.int64,
)
_YEAR_LENGTH: Final = np.diff(_YEAR_START)
_FIRST_DAY: Final = int(_YEAR_START[0])
_LAST_DAY: Final = int(_YEAR_START[-1]) - 1
# Index of the year (from FIRST_YEAR) of each day of the range: 220 KB, and far quicker than a binary search.
_YEAR_INDEX_OF_DAY: Final = np.repeat(np.arange(len(_YEAR_LENGTH), dtype=np.int16), _YEAR_LENGTH)

# By month 1–12; entry 0 is never read for a valid date.
_MONTH_LENGTH: Final = np.array([0, 31, 31, 31, 31, 31, 31, 30, 30, 30, 30, 30, 29], dtype=np.int64)
_DAYS_BEFORE_MONTH: Final = np.cumsum(_MONTH_LENGTH) - _MONTH_LENGTH
# By day of a leap year, from 0.
_MONTH_OF_DAY: Final = np.repeat(np.arange(1, 13), [*_MONTH_LENGTH[1:12], 30])
_DAY_OF_MONTH: Final = np.arange(366) - _DAYS_BEFORE_MONTH[_MONTH_OF_DAY] + 1


def parse_jalali(text: str) -> dt.date | None:
    """The Gregorian date of a Jalali one; None where the text holds no date (blank, or only zeros and
    separators: `0000/00/00` and `    /  /  ` are how older systems store an empty date).

    Digits may be Persian or Arabic. Accepted are `1403/01/15`, `1403-1-15`, `14030115`, and the same with a
    two-digit year, of which 50 and above are 13xx and the others 14xx. `1499/12/29` is FAR_FUTURE.

    Raises DateError with one of this module's reasons.
    """
    plain = normalize_digits(normalize_letters(text)).strip()
    if _NO_DATE.fullmatch(plain):
        return None
    if match := _SEPARATED.fullmatch(plain):
        year_text, _, month_text, day_text = match.groups()
    elif match := _BARE.fullmatch(plain):
        year_text, month_text, day_text = match.groups()
    else:
        raise DateError(
            f"{text!r} is not a Jalali date.", reason="format", mend="Write it as YYYY/MM/DD or YYYYMMDD."
        )
    year = int(year_text)
    if len(year_text) == 2:
        year += 1300 if year >= 50 else 1400
    return _from_parts(year, int(month_text), int(day_text), text)


def _from_parts(year: int, month: int, day: int, text: str) -> dt.date:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise DateError(
            f"{text!r} has the year {year}, which is outside {FIRST_YEAR}–{LAST_YEAR}.",
            reason="year",
            mend="Convert it to a Jalali date first." if 1800 <= year <= 2200 else None,
        )
    if not 1 <= month <= 12:
        raise DateError(f"{text!r} has the month {month}; a year has 12.", reason="month")
    year_index = year - FIRST_YEAR
    length = int(_MONTH_LENGTH[month])
    if month == 12 and _YEAR_LENGTH[year_index] == 366:
        length = 30
    if (month, day) == (12, 30) and length == 29:
        raise DateError(f"{text!r} does not exist: Esfand of {year} has 29 days.", reason="not_leap")
    if not 1 <= day <= length:
        raise DateError(f"{text!r} has the day {day}; month {month} of {year} has {length}.", reason="day")
    if (year, month, day) == FAR_FUTURE_JALALI:
        return FAR_FUTURE
    days = int(_YEAR_START[year_index] + _DAYS_BEFORE_MONTH[month]) + day - 1
    return dt.date.fromordinal(_EPOCH_ORDINAL + days)


def to_jalali(date: dt.date) -> tuple[int, int, int]:
    """(year, month, day). FAR_FUTURE is 1499/12/29.

    Raises DateError (reason `year`) outside the Jalali years 1200–1500.
    """
    if date == FAR_FUTURE:
        return FAR_FUTURE_JALALI
    days = date.toordinal() - _EPOCH_ORDINAL
    if not _FIRST_DAY <= days <= _LAST_DAY:
        raise DateError(
            f"{date.isoformat()} is outside the Jalali years {FIRST_YEAR}–{LAST_YEAR}.", reason="year"
        )
    year_index = int(_YEAR_INDEX_OF_DAY[days - _FIRST_DAY])
    day_of_year = days - int(_YEAR_START[year_index])
    return FIRST_YEAR + year_index, int(_MONTH_OF_DAY[day_of_year]), int(_DAY_OF_MONTH[day_of_year])


def format_jalali(date: dt.date, *, persian_digits: bool = False) -> str:
    """`1403/01/15`, with Persian digits where asked; what `parse_jalali` reads back.

    Raises DateError as `to_jalali` does.
    """
    year, month, day = to_jalali(date)
    written = f"{year:04d}/{month:02d}/{day:02d}"
    return to_persian_digits(written) if persian_digits else written


def month_name(month: int, locale: Locale) -> str:
    """The name of month 1–12: «فروردین» or "Farvardin"."""
    if not 1 <= month <= 12:
        raise DateError(f"There is no month {month}; a year has 12.", reason="month")
    return str((MONTH_NAMES_FA if locale == "fa" else MONTH_NAMES_EN)[month])


def jalali_to_epoch_days(
    year: IntArray, month: IntArray, day: IntArray
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Days since 1970-01-01 and whether the date exists, elementwise over arrays of one shape.

    Years have four digits. Where a date does not exist, days is 0 and valid is False. 1499/12/29 is
    FAR_FUTURE_EPOCH_DAYS, as in `parse_jalali`.
    """
    year, month, day = (np.asarray(part, dtype=np.int64) for part in (year, month, day))
    year_index = np.clip(year - FIRST_YEAR, 0, LAST_YEAR - FIRST_YEAR)
    month_index = np.clip(month, 1, 12)
    leap_day = (month_index == 12) & (_YEAR_LENGTH[year_index] == 366)
    valid = (
        (year_index == year - FIRST_YEAR)
        & (month_index == month)
        & (day >= 1)
        & (day <= _MONTH_LENGTH[month_index] + leap_day)
    )
    days = _YEAR_START[year_index] + _DAYS_BEFORE_MONTH[month_index] + day - 1
    far_year, far_month, far_day = FAR_FUTURE_JALALI
    far = (year == far_year) & (month == far_month) & (day == far_day)
    days = np.where(far, FAR_FUTURE_EPOCH_DAYS, np.where(valid, days, 0))
    return days.astype(np.int32), valid


def epoch_days_to_jalali(
    days: IntArray,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Year, month and day of days since 1970-01-01, elementwise; 0, 0, 0 outside the years 1200–1500.

    FAR_FUTURE_EPOCH_DAYS is 1499, 12, 29, as in `to_jalali`.
    """
    days = np.asarray(days, dtype=np.int64)
    inside = np.clip(days, _FIRST_DAY, _LAST_DAY)
    year_index = _YEAR_INDEX_OF_DAY[inside - _FIRST_DAY]
    day_of_year = inside - _YEAR_START[year_index]
    parts = (year_index.astype(np.int32) + FIRST_YEAR, _MONTH_OF_DAY[day_of_year], _DAY_OF_MONTH[day_of_year])
    valid = inside == days
    far = days == FAR_FUTURE_EPOCH_DAYS
    year, month, day = (
        np.where(far, far_part, np.where(valid, part, 0)).astype(np.int32)
        for part, far_part in zip(parts, FAR_FUTURE_JALALI, strict=True)
    )
    return year, month, day
