"""Dates and times: Jalali or Gregorian text, or the typed dates of Parquet, XLSX and DBF."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import polars as pl

from etl.convert.base import Converted, by_unique, clean, explained, nothing_refused, plain_digits
from etl.mapping import Calendar, Value
from etl.reasons import DATE_REASONS, Reason
from tarazu.errors import DateError
from tarazu.jalali import epoch_days_to_jalali, jalali_to_epoch_days, parse_jalali

# A Gregorian year outside is a Jalali date read by the wrong calendar. 9999 is the far future (tarazu.jalali).
_GREGORIAN_YEARS: Final = (1800, 2200)
_FAR_FUTURE_YEAR: Final = 9999

_SEPARATED: Final = r"^([0-9]{4}|[0-9]{2})([/-])([0-9]{1,2})([/-])([0-9]{1,2})$"
_BARE: Final = r"^([0-9]{4}|[0-9]{2})([0-9]{2})([0-9]{2})$"
_ISO: Final = r"^([0-9]{4})[-/]?([0-9]{1,2})[-/]?([0-9]{1,2})(?:[T ].*)?$"
_NO_DATE: Final = r"^[0/\-\s]*$"
_TIME: Final = (
    r"^([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,6})[0-9]*)?)?\s*(Z|[+-][0-9]{2}:?[0-9]{2})?$"
)


def date(source: pl.Series, spec: Value, _dtype: pl.DataType) -> Converted:
    if source.dtype == pl.Date:
        return _plausible(source)
    if source.dtype == pl.Datetime:
        return _plausible(source.dt.date())
    text = clean(source, spec.null_values)
    return by_unique(text, lambda distinct: _dates(plain_digits(distinct), spec))


def _dates(text: pl.Series, spec: Value) -> Converted:
    if spec.format is not None:
        values = text.str.to_date(spec.format, strict=False)
        return _plausible(values).refusing(text.is_not_null() & values.is_null(), Reason.DATE_FORMAT)
    return _jalali(text) if spec.calendar == "jalali" else _gregorian(text)


def _jalali(text: pl.Series) -> Converted:
    parts = text.to_frame("text").select(
        pl.col("text").str.extract_groups(_SEPARATED).alias("separated"),
        pl.col("text").str.extract_groups(_BARE).alias("bare"),
        pl.col("text").str.contains(_NO_DATE).alias("none"),
    )
    separated, bare = parts["separated"].struct.unnest(), parts["bare"].struct.unnest()
    one_mark = separated["2"] == separated["4"]
    digits = pl.DataFrame(
        {
            "year": separated["1"].set(~one_mark.fill_null(value=False), None),
            "month": separated["3"],
            "day": separated["5"],
            "bare_year": bare["1"],
            "bare_month": bare["2"],
            "bare_day": bare["3"],
        }
    ).select(
        pl.coalesce("year", "bare_year").alias("year"),
        pl.when(pl.col("year").is_not_null())
        .then("month")
        .otherwise("bare_month")
        .cast(pl.Int64)
        .alias("month"),
        pl.when(pl.col("year").is_not_null()).then("day").otherwise("bare_day").cast(pl.Int64).alias("day"),
    )
    short = (digits["year"].str.len_bytes() == 2).fill_null(value=False).to_numpy()
    year = digits["year"].cast(pl.Int64).fill_null(0).to_numpy()
    year = np.where(short, np.where(year >= 50, year + 1300, year + 1400), year)
    days, valid = jalali_to_epoch_days(
        year, digits["month"].fill_null(0).to_numpy(), digits["day"].fill_null(0).to_numpy()
    )
    read = pl.Series(valid) & digits["year"].is_not_null()
    none = parts["none"].fill_null(value=True)
    values = pl.Series(days).cast(pl.Date).set(~read | none, None)
    wrong = ~read & ~none
    if not wrong.any():
        return Converted(values)
    return Converted(values, explained(text, wrong, _why_not_jalali))


def _why_not_jalali(text: str) -> Reason:
    try:
        parse_jalali(text)
    except DateError as error:
        return DATE_REASONS[error.reason]
    return Reason.DATE_FORMAT


def _gregorian(text: pl.Series) -> Converted:
    parts = text.to_frame("text").select(
        pl.col("text").str.extract_groups(_ISO).alias("groups"),
        pl.col("text").str.contains(_NO_DATE).fill_null(value=True).alias("none"),
    )
    groups = parts["groups"].struct.unnest()
    year, month, day = (groups[name].cast(pl.Int32) for name in ("1", "2", "3"))
    values = _date_of(year, month, day)
    none = parts["none"]
    return (
        _plausible(values)
        .refusing(year.is_null() & ~none, Reason.DATE_FORMAT)
        .refusing(~month.is_between(1, 12) & ~none, Reason.DATE_MONTH)
        .refusing(values.is_null() & ~none, Reason.DATE_DAY)
    )


def _date_of(year: pl.Series, month: pl.Series, day: pl.Series) -> pl.Series:
    """Dates; null where there is no such day."""
    padded = year.cast(pl.String).str.zfill(4) + "-" + month.cast(pl.String) + "-" + day.cast(pl.String)
    return padded.str.to_date("%Y-%m-%d", strict=False)


def _plausible(values: pl.Series) -> Converted:
    year = values.dt.year()
    return Converted(values).refusing(
        ~(year.is_between(*_GREGORIAN_YEARS) | (year == _FAR_FUTURE_YEAR)), Reason.DATE_YEAR
    )


def datetime(source: pl.Series, spec: Value, dtype: pl.DataType) -> Converted:
    """Instants, UTC. A time without an offset is local to the mapping's time zone; without a time it is 00:00."""
    if source.dtype == pl.Date:
        return _localised(source.cast(pl.Datetime("us")), spec.timezone, dtype)
    if isinstance(source.dtype, pl.Datetime):
        aware = source.dtype.time_zone is not None
        micros = source.dt.cast_time_unit("us")
        return (
            Converted(micros.dt.convert_time_zone("UTC"))
            if aware
            else _localised(micros, spec.timezone, dtype)
        )
    text = plain_digits(clean(source, spec.null_values))
    halves = text.to_frame("text").select(
        pl.col("text").str.extract(r"^([^T\s]+)", 1).alias("date"),
        pl.col("text").str.extract(r"^[^T\s]+[T\s]+(.*)$", 1).fill_null("00:00").alias("time"),
    )
    days = by_unique(halves["date"], lambda distinct: _dates(distinct, spec))
    clock = (
        halves["time"].to_frame("t").select(pl.col("t").str.extract_groups(_TIME)).to_series().struct.unnest()
    )
    hour, minute = clock["1"].cast(pl.Int64), clock["2"].cast(pl.Int64)
    second = clock["3"].cast(pl.Int64).fill_null(0)
    micro = clock["4"].str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
    no_time = hour.is_null() | (hour > 23) | (minute > 59) | (second > 59)
    since_midnight = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro
    wall = (days.values.cast(pl.Datetime("us")).cast(pl.Int64) + since_midnight).cast(pl.Datetime("us"))
    local = _localised(wall, spec.timezone, dtype)
    offset = _offset_micros(clock["5"])
    fixed = (wall.cast(pl.Int64) - offset).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    values = fixed.zip_with(offset.is_not_null(), local.values)
    refused = days.refused if days.refused is not None else nothing_refused(len(text))
    return (
        Converted(values, refused)
        .refusing(no_time & text.is_not_null(), Reason.TIME)
        .refusing(values.is_null() & days.values.is_not_null(), Reason.TIME)
    )


def _localised(wall: pl.Series, timezone: str, dtype: pl.DataType) -> Converted:
    """Of the two instants that a clock set back shows, the first; an hour that was skipped is refused."""
    values = (
        wall.dt.replace_time_zone(timezone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
        .cast(dtype)
    )
    return Converted(values).refusing(values.is_null() & wall.is_not_null(), Reason.TIME)


def _offset_micros(offset: pl.Series) -> pl.Series:
    """Microseconds east of UTC; null where the text has no offset."""
    frame = offset.str.replace("Z", "+00:00", literal=True).to_frame("o")
    sign = pl.when(pl.col("o").str.starts_with("-")).then(-1).otherwise(1)
    hours = pl.col("o").str.slice(1, 2).cast(pl.Int64)
    minutes = pl.col("o").str.slice(-2).cast(pl.Int64)
    return frame.select(
        pl.when(pl.col("o").is_not_null()).then(sign * (hours * 60 + minutes) * 60_000_000)
    ).to_series()


def minus_months(dates: pl.Series, months: pl.Series, calendar: Calendar) -> pl.Series:
    """`dates` less `months` of the calendar; where the month is shorter, its last day."""
    present = dates.is_not_null() & months.is_not_null()
    days = dates.cast(pl.Int32).fill_null(0).to_numpy()
    count = months.cast(pl.Int64).fill_null(0).to_numpy()
    year, month, day = _parts(days, calendar)
    total = year.astype(np.int64) * 12 + month - 1 - count
    year, month = total // 12, total % 12 + 1
    result, valid = _epoch_days(year, month, day, calendar)
    for shorter in (30, 29, 28):
        if valid.all():
            break
        again, now_valid = _epoch_days(year, month, np.minimum(day, shorter), calendar)
        result, valid = np.where(valid, result, again), valid | now_valid
    return pl.Series(result.astype(np.int32)).cast(pl.Date).set(~(present & pl.Series(valid)), None)


def _parts(days: Any, calendar: Calendar) -> tuple[Any, Any, Any]:
    if calendar == "jalali":
        return epoch_days_to_jalali(days)
    dates = pl.Series(days).cast(pl.Date)
    return tuple(
        part.cast(pl.Int64).to_numpy() for part in (dates.dt.year(), dates.dt.month(), dates.dt.day())
    )  # type: ignore[return-value]  # of three


def _epoch_days(year: Any, month: Any, day: Any, calendar: Calendar) -> tuple[Any, Any]:
    if calendar == "jalali":
        return jalali_to_epoch_days(year, month, day)
    lengths = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    valid = (day <= lengths[month] + ((month == 2) & leap)) & (year >= 1)
    months_since_1970 = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    return months_since_1970.astype("datetime64[D]").astype(np.int64) + day - 1, valid
