"""Sentences from values: `{sudden_drop.drop_percent}` becomes "53 %" in English and «۵۳٪» in Persian."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import Literal

from rules.batch import EPOCH
from rules.facts import DECIMALS
from tarazu.jalali import format_jalali
from tarazu.text import to_persian_digits

Language = Literal["fa", "en"]

# As `tarazu.text.format_number` writes Persian, but quick: a scan writes a sentence for every finding.
_PERSIAN_MARKS = str.maketrans({",": "٬", ".": "٫", "-": "\u200e\u2212"})
# Decimals shown for a unit, and its words. Evidence keeps the exact value.
_UNITS: dict[str, tuple[int, str, str]] = {
    "kWh": (0, " kWh", " کیلووات‌ساعت"),
    "kWh/day": (1, " kWh a day", " کیلووات‌ساعت در روز"),
    "kW": (1, " kW", " کیلووات"),
    "rial": (0, " rial", " ریال"),
    "percent": (0, " %", "٪"),
    "month": (0, " months", " ماه"),
    "day": (0, " days", " روز"),
    "count": (0, "", ""),
    "factor": (2, "", ""),
    "units": (0, " units", " واحد"),
    "hour": (0, " hours", " ساعت"),
    "kvarh": (0, " kvarh", " کیلووارساعت"),
    "V": (0, " V", " ولت"),
    "minute": (0, " minutes", " دقیقه"),
    "second": (0, " seconds", " ثانیه"),
}


def format_value(value: float | str, unit: str, language: Language, *, exact: bool = False) -> str:
    """A value as people read it in that language. A `date` is a day number, a `code` a text. `exact` shows all
    that rules compare.
    """
    if isinstance(value, str):
        return value if language == "en" else to_persian_digits(value)
    if unit == "date":
        return _format_day(int(value), language)
    decimals, en, fa = _UNITS[unit]
    if exact:
        decimals = DECIMALS
    text = f"{value:z,.{decimals}f}"
    if decimals:
        text = text.rstrip("0").rstrip(".")
    if language == "en":
        # One month, not "1 months"; the units of these words are regular.
        return text + (en.removesuffix("s") if text == "1" and en.endswith("s") else en)
    return to_persian_digits(text.translate(_PERSIAN_MARKS)) + fa


@lru_cache(maxsize=8192)
def _format_day(day: int, language: Language) -> str:
    date = EPOCH + dt.timedelta(days=day)
    return date.isoformat() if language == "en" else to_persian_digits(format_jalali(date))


@lru_cache(maxsize=1024)
def _parse(text: str) -> tuple[tuple[str, str], ...]:
    """(literal, placeholder) pairs; the last placeholder is empty."""
    parts: list[tuple[str, str]] = []
    literal, *rest = text.split("{")
    for part in rest:
        name, _, following = part.partition("}")
        parts.append((literal, name))
        literal = following
    parts.append((literal, ""))
    return tuple(parts)


def render(text: str, values: Mapping[str, tuple[float | str, str]], language: Language) -> str:
    """Fill a narrative. `values` maps `signal.field` and `$parameter` to (value, unit)."""
    columns: dict[str, tuple[Sequence[float | str], str]] = {
        name: ([value], unit) for name, (value, unit) in values.items()
    }
    return render_all(text, columns, language, 1)[0]


def render_all(
    text: str, columns: Mapping[str, tuple[Sequence[float | str], str]], language: Language, count: int
) -> list[str]:
    """Fill a narrative `count` times. `columns` maps `signal.field` and `$parameter` to (values, unit)."""
    pieces: list[Iterable[str]] = []
    for literal, name in _parse(text):
        pieces.append(repeat(literal, count))
        if name:
            values, unit = columns[name]
            pieces.append([format_value(value, unit, language) for value in values])
    return ["".join(parts) for parts in zip(*pieces, strict=True)]
