"""Short forms of scenario files: a series of months, and a day counted back from the scan."""

from __future__ import annotations

import datetime as dt
import math
import re

from rules.batch import day_number

_NUMBER = r"-?\d+(?:\.\d+)?"
_TERM = re.compile(rf"(?:(?P<times>\d+)x)?(?:(?P<gap>-)|(?P<first>{_NUMBER})(?:\.\.(?P<last>{_NUMBER}))?)")
_WORD = re.compile(r"(?:(?P<times>\d+)x)?(?P<word>[a-z_]+)")
_AGO = re.compile(r"(\d+) days? ago")


def read_series(text: str) -> list[float]:
    """`"24x10 3x4"`: 24 times 10, then 3 times 4. `6x-` are six unknown months (NaN), `12x30..10` goes evenly down.

    Raises:
        ValueError: a term has another form; the message names it.
    """
    values: list[float] = []
    for term in text.split():
        match = _TERM.fullmatch(term)
        if match is None:
            raise ValueError(f"{term!r} is no part of a series; write 24x10, 12x30..10, 3x- or one number")
        times = int(match["times"] or 1)
        if match["gap"]:
            values += [math.nan] * times
        elif match["last"] is None:
            values += [float(match["first"])] * times
        else:
            first, last = float(match["first"]), float(match["last"])
            values += [first + (last - first) * i / max(times - 1, 1) for i in range(times)]
    return values


def read_words(text: str) -> list[str]:
    """`"9xactual 3xestimated"`: nine times the one word, three times the other.

    Raises:
        ValueError: a term has another form; the message names it.
    """
    words: list[str] = []
    for term in text.split():
        match = _WORD.fullmatch(term)
        if match is None:
            raise ValueError(f"{term!r} is no part of a series; write 9xactual or one word")
        words += [match["word"]] * int(match["times"] or 1)
    return words


def read_day(text: str, scan_day: int) -> int:
    """Day number of an ISO date or of `40 days ago`, counted back from the scan.

    Raises:
        ValueError: it is neither.
    """
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return scan_day - int(ago[1])
    try:
        return day_number(dt.date.fromisoformat(text))
    except ValueError:
        raise ValueError(f"{text!r} is no day; write 2025-11-03 or 40 days ago") from None
