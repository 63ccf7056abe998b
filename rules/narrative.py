"""Sentences from values: `{sudden_drop.drop_percent}` becomes "53 %" in English and «۵۳٪» in Persian."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Literal

from rules.batch import EPOCH
from tarazu.jalali import format_jalali
from tarazu.text import to_persian_digits

Language = Literal["fa", "en"]

# As `tarazu.text.format_number` writes Persian, but quick: a scan writes a sentence for every finding.
_PERSIAN_MARKS = str.maketrans({",": "٬", ".": "٫", "-": "\u200e\u2212"})
# What `rules.facts` leaves of a value.
_COMPARED_DECIMALS = 4
# Decimals shown for a unit, and its words. Evidence keeps the exact value.
_UNITS: dict[str, tuple[int, str, str]] = {
    "kWh": (0, " kWh", " کیلووات‌ساعت"),
    "kWh/day": (1, " kWh a day", " کیلووات‌ساعت در روز"),
    "rial": (0, " rial", " ریال"),
    "percent": (0, " %", "٪"),
    "month": (0, " months", " ماه"),
    "day": (0, " days", " روز"),
    "count": (0, "", ""),
    "factor": (2, "", ""),
    "units": (0, " units", " واحد"),
}


def format_value(value: float, unit: str, language: Language, *, exact: bool = False) -> str:
    """A value as people read it in that language. A `date` is a day number. `exact` shows all that rules compare."""
    if unit == "date":
        return _format_day(int(value), language)
    decimals, en, fa = _UNITS[unit]
    if exact:
        decimals = _COMPARED_DECIMALS
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


def render(text: str, values: Mapping[str, tuple[float, str]], language: Language) -> str:
    """Fill a narrative. `values` maps `signal.field` and `$parameter` to (value, unit)."""
    return _fill(text, lambda name: format_value(*values[name], language))


def _fill(text: str, formatted: Callable[[str], str]) -> str:
    return "".join(literal + (formatted(name) if name else "") for literal, name in _parse(text))
