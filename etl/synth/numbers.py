"""Identifiers made by the thousand, valid and recognisably nobody's.

Bill ids carry company code 999, national ids begin with 99 and legal-entity ids with 990, none of which is
issued; mobiles are +98900 and seven digits. Formulas: `tarazu.identifiers`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from etl.synth.window import IntArray
from tarazu.identifiers.legal_entity_id import WEIGHTS as LEGAL_ENTITY_WEIGHTS

COMPANY_CODE: Final = 999
_ELECTRICITY: Final = 2


def text(numbers: IntArray) -> pl.Series:
    return pl.Series(numbers).cast(pl.String)


def _bill_sum(numbers: IntArray, first_place: IntArray) -> IntArray:
    """Σ digit × weight, weights 2…7 cycling from the right, of which the first is at `first_place`."""
    rest = numbers.copy()
    place = first_place.copy()
    total = np.zeros_like(rest)
    while rest.any():
        rest, digit = np.divmod(rest, 10)
        total += digit * (2 + place % 6)
        place += 1
    return total


def _bill_check_digit(total: IntArray) -> IntArray:
    rest = total % 11
    return np.where(rest < 2, 0, 11 - rest)


def bill_ids(file_codes: IntArray, company_code: int = COMPANY_CODE) -> IntArray:
    body = (file_codes * 1000 + company_code) * 10 + _ELECTRICITY
    return body * 10 + _bill_check_digit(_bill_sum(body, np.zeros_like(body)))


def payment_ids(bill_id: IntArray, amount_rial: IntArray, year: IntArray, period: IntArray) -> IntArray:
    """The amount is in whole thousands of rial; `year` and `period` keep their last one and two digits."""
    body = (amount_rial // 1000 * 10 + year % 10) * 100 + period % 100
    first = body * 10 + _bill_check_digit(_bill_sum(body, np.zeros_like(body)))
    length = np.searchsorted(10 ** np.arange(18), first, side="right").astype(np.int64)
    total = _bill_sum(first, np.zeros_like(first)) + _bill_sum(bill_id, length)
    return first * 10 + _bill_check_digit(total)


def _serials(index: IntArray) -> IntArray:
    """Six-and-more-digit serials whose last six digits are never all zero, which validators refuse."""
    return index + index // 999_999 + 1


def national_ids(index: IntArray) -> IntArray:
    body = 990_000_000 + _serials(index) % 10_000_000
    total = np.zeros_like(body)
    for place in range(9):
        total += (body // 10**place % 10) * (place + 2)
    rest = total % 11
    return body * 10 + np.where(rest < 2, rest, 11 - rest)


def legal_entity_ids(index: IntArray) -> IntArray:
    body = 9_900_000_000 + _serials(index) * 10
    tens = body % 10 + 2
    total = np.zeros_like(body)
    for place, weight in enumerate(LEGAL_ENTITY_WEIGHTS):
        total += (tens + body // 10 ** (9 - place) % 10) * weight
    return body * 10 + total % 11 % 10


def mobiles(index: IntArray) -> pl.Series:
    return "+98" + text(9_000_000_000 + index * 7919 % 10_000_000)
