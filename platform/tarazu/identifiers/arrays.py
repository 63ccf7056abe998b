"""The identifier checks over NumPy arrays, for scans of millions of rows.

All take int64 arrays of shape (n,), in which -1, or any other number that cannot be the identifier, is missing
and gives False. On every integer they agree with the scalar functions.

A weighted digit sum is looked up, not computed digit by digit: a number of up to 13 digits is cut into groups
of 4, 4 and 5, each group has a table of its sums modulo 11 for the place where it stands, and one entry packs
every sum that is wanted in bit fields wide enough to add three entries without a carry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tarazu.identifiers.legal_entity_id import WEIGHTS as LEGAL_ENTITY_WEIGHTS

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]

# Rows taken at once: temporaries of 128 KB stay in the second-level cache beside the tables.
_CHUNK_ROWS: Final = 1 << 14

# Three sums of at most 10 make at most 30. A digit stands in the lowest group only, so its field needs 4 bits.
_SUM_BITS: Final = 5
_DIGIT_BITS: Final = 4

# --- Tables -----------------------------------------------------------------------------------------------


def _tables(high_length: int, fields: Sequence[tuple[int, Sequence[int]]]) -> list[Int32Array]:
    """Tables for the groups of 4, 4 and `high_length` digits from the right. A field is (shift, weights): its
    weights go from the right, and its Σ digit × weight modulo 11 stands `shift` bits up in an entry.
    """
    tables, start = [], 0
    for length in (4, 4, high_length):
        numbers = np.arange(10**length)
        digits = np.stack([numbers // 10**place % 10 for place in range(length)], axis=1)
        table = np.zeros(len(numbers), dtype=np.int64)
        for shift, weights in fields:
            table |= (digits @ np.array(weights[start : start + length]) % 11) << shift
        tables.append(table.astype(np.int32))
        start += length
    return tables


def _validity(expected_digit: Callable[[int], int], sum_bits: int = _SUM_BITS) -> BoolArray:
    """Whether a check digit fits a sum, indexed by `digit << sum_bits | sum`."""
    return np.array(
        [
            expected_digit(total) == digit
            for digit in range(1 << _DIGIT_BITS)
            for total in range(1 << sum_bits)
        ]
    )


def _look_up(number: Int64Array, tables: Sequence[Int32Array]) -> Int32Array:
    """The added entries of a number's groups. Clipped, so that any number may come; the caller checks ranges."""
    high = number // 10**8
    rest = number - high * 10**8
    middle = rest // 10**4
    total = tables[0].take(rest - middle * 10**4, mode="clip")
    total += tables[1].take(middle, mode="clip")
    total += tables[2].take(high, mode="clip")
    return total


def _in_chunks(check: Callable[..., BoolArray], *numbers: npt.ArrayLike) -> BoolArray:
    arrays = [np.asarray(number, dtype=np.int64) for number in numbers]
    valid = np.empty(arrays[0].shape, dtype=np.bool_)
    for start in range(0, len(valid), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        valid[rows] = check(*(array[rows] for array in arrays))
    return valid


# --- Bill and payment ids (tarazu.identifiers.bill) ---------------------------------------------------------

_SMALLEST_BILL: Final = 10**5  # six digits, for the bill id and the payment id alike
_BILL_LIMIT: Final = 10**13


def _bill_weights(first_place: int) -> list[int]:
    """2…7 cycling over 13 places from the right, of which the first is `first_place` (from 0) in the cycle."""
    return [2 + (first_place + place) % 6 for place in range(13)]


def _bill_digit(total: int) -> int:
    return 0 if total % 11 < 2 else 11 - total % 11


_LAST: Final = [1, *[0] * 12]
_SECOND_LAST: Final = [0, 1, *[0] * 11]

_BILL: Final = _tables(5, [(0, [0, *_bill_weights(0)]), (_SUM_BITS, _LAST)])
_BILL_VALID: Final = _validity(_bill_digit)

# The sum of a whole bill id that stands before a payment id, for each place in the cycle where it may begin.
_BILL_BEFORE: Final = _tables(5, [(_SUM_BITS * place, _bill_weights(place)) for place in range(6)])

# Of a payment id, from the lowest bit: the sum for the first check digit, that digit, the sum for the second
# (with room for the bill id's to be added), that digit, and the lengths of the middle and the high group.
_PAIR_SUM_BITS: Final = _SUM_BITS + 1
_PAIR_SHIFT: Final = _SUM_BITS + _DIGIT_BITS
_MIDDLE_LENGTH_SHIFT: Final = _PAIR_SHIFT + _PAIR_SUM_BITS + _DIGIT_BITS
_HIGH_LENGTH_SHIFT: Final = _MIDDLE_LENGTH_SHIFT + 3
_OWN_MASK: Final = (1 << _PAIR_SHIFT) - 1
_PAIR_MASK: Final = (1 << (_PAIR_SUM_BITS + _DIGIT_BITS)) - 1


def _payment_tables() -> list[Int32Array]:
    low, middle, high = _tables(
        5,
        [
            (0, [0, 0, *_bill_weights(0)]),
            (_SUM_BITS, _SECOND_LAST),
            (_PAIR_SHIFT, [0, *_bill_weights(0)]),
            (_PAIR_SHIFT + _PAIR_SUM_BITS, _LAST),
        ],
    )
    powers = 10 ** np.arange(5)
    middle_lengths = np.searchsorted(powers, np.arange(len(middle)), side="right")
    high_lengths = np.searchsorted(powers, np.arange(len(high)), side="right")
    middle |= (middle_lengths << _MIDDLE_LENGTH_SHIFT).astype(np.int32)
    high |= (high_lengths << _HIGH_LENGTH_SHIFT).astype(np.int32)
    return [low, middle, high]


def _bill_before_shifts() -> Int32Array:
    """By `high length << 3 | middle length`: the shift in _BILL_BEFORE of where the bill id begins, which is
    behind all digits of the payment id but its last.
    """
    lengths = [8 + high if high else 4 + middle for high in range(8) for middle in range(8)]
    return np.array([_SUM_BITS * ((length - 1) % 6) for length in lengths], dtype=np.int32)


_PAYMENT: Final = _payment_tables()
_BILL_BEFORE_SHIFT: Final = _bill_before_shifts()
_PAIR_VALID: Final = _validity(_bill_digit, _PAIR_SUM_BITS)


def _could_be_bill(number: Int64Array) -> BoolArray:
    return (number >= _SMALLEST_BILL) & (number < _BILL_LIMIT)


def _bill_check(bill_id: Int64Array) -> BoolArray:
    return _BILL_VALID.take(_look_up(bill_id, _BILL)) & _could_be_bill(bill_id)


def _payment_check(bill_id: Int64Array, payment_id: Int64Array) -> BoolArray:
    payment = _look_up(payment_id, _PAYMENT)
    shift = _BILL_BEFORE_SHIFT.take(payment >> _MIDDLE_LENGTH_SHIFT)
    bill_sum = (_look_up(bill_id, _BILL_BEFORE) >> shift) & ((1 << _SUM_BITS) - 1)
    valid = _BILL_VALID.take(payment & _OWN_MASK)
    valid &= _PAIR_VALID.take(((payment >> _PAIR_SHIFT) & _PAIR_MASK) + bill_sum)
    valid &= _could_be_bill(bill_id)
    valid &= _could_be_bill(payment_id)
    return valid


def bill_check_valid(bill_id: Int64Array) -> BoolArray:
    """Whether each bill id has 6–13 digits and its check digit fits."""
    return _in_chunks(_bill_check, bill_id)


def payment_check_valid(bill_id: Int64Array, payment_id: Int64Array) -> BoolArray:
    """Whether both check digits of each payment id fit, the second one with the bill id of the same row.

    As in `parse_payment_id`, the bill id's own check digit is not looked at.
    """
    return _in_chunks(_payment_check, bill_id, payment_id)


def bill_company_code(bill_id: Int64Array) -> Int32Array:
    """The company code (0–999) of each bill id; -1 where it cannot be a bill id. No check digit is looked at."""
    return np.where(_could_be_bill(bill_id), bill_id // 100 % 1000, -1).astype(np.int32)


def bill_service_type(bill_id: Int64Array) -> Int32Array:
    """The service type (0–9; 2 is electricity) of each bill id; -1 where it cannot be a bill id."""
    return np.where(_could_be_bill(bill_id), bill_id // 10 % 10, -1).astype(np.int32)


def payment_amount_rial(payment_id: Int64Array) -> Int64Array:
    """The amount of each payment id in rial; -1 where it cannot be a payment id. No check digit is looked at."""
    return np.where(_could_be_bill(payment_id), payment_id // 10**5 * 1000, -1)


# --- People and legal entities ------------------------------------------------------------------------------


def _national_digit(total: int) -> int:
    return total % 11 if total % 11 < 2 else 11 - total % 11


def _legal_entity_digit(total: int) -> int:
    # 2 of k = d₉ + 2, times the sum of the weights; d₉ itself stands in the weights below.
    return (total + 2 * sum(LEGAL_ENTITY_WEIGHTS)) % 11 % 10


_NATIONAL: Final = _tables(2, [(0, [0, *range(2, 11)]), (_SUM_BITS, _LAST)])
_NATIONAL_VALID: Final = _validity(_national_digit)

_LAST_WEIGHT, *_OTHER_WEIGHTS = reversed(LEGAL_ENTITY_WEIGHTS)
_LEGAL_ENTITY: Final = _tables(
    3, [(0, [0, _LAST_WEIGHT + sum(LEGAL_ENTITY_WEIGHTS), *_OTHER_WEIGHTS]), (_SUM_BITS, _LAST)]
)
_LEGAL_ENTITY_VALID: Final = _validity(_legal_entity_digit)


def _national_check(number: Int64Array) -> BoolArray:
    valid = _NATIONAL_VALID.take(_look_up(number, _NATIONAL))
    valid &= (number >= 10**7) & (number < 10**10)  # numbers have lost their leading zeros, two at most
    valid &= number // 10 % 10**6 != 0  # the serial
    valid &= number % 1_111_111_111 != 0  # one digit repeated
    return valid


def _legal_entity_check(number: Int64Array) -> BoolArray:
    valid = _LEGAL_ENTITY_VALID.take(_look_up(number, _LEGAL_ENTITY))
    valid &= (number >= 10**10) & (number < 10**11)
    valid &= number // 100 % 10**6 != 0  # the serial
    valid &= number % 11_111_111_111 != 0  # one digit repeated
    return valid


def national_id_valid(national_id: Int64Array) -> BoolArray:
    """As `is_valid_national_id` on the integers: eight or nine digits have lost leading zeros."""
    return _in_chunks(_national_check, national_id)


def legal_entity_id_valid(legal_entity_id: Int64Array) -> BoolArray:
    """As `is_valid_legal_entity_id` on the integers."""
    return _in_chunks(_legal_entity_check, legal_entity_id)
