"""The array checks against the scalar ones, which the other files hold to the published examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarazu.identifiers import arrays
from tarazu.identifiers.bill import (
    BillId,
    PaymentId,
    is_valid_bill_id,
    is_valid_payment_id,
    make_bill_id,
    make_payment_id,
    parse_bill_id,
    parse_payment_id,
)
from tarazu.identifiers.legal_entity_id import is_valid_legal_entity_id
from tarazu.identifiers.national_id import is_valid_national_id

INT64 = np.iinfo(np.int64)
EDGES = [
    INT64.min,
    -1,
    0,
    1,
    99_999,
    10**5,
    10**7 - 1,
    10**7,
    10**10 - 1,
    10**10,
    10**11,
    10**13 - 1,
    10**13,
    INT64.max,
]

numbers = st.one_of(st.integers(-10, 10**13 + 10), st.integers(0, 10**8), st.sampled_from(EDGES))
bill_ids = st.builds(
    BillId, st.integers(1, 9) | st.integers(1, 99_999_999), st.integers(0, 999), st.integers(0, 9)
).map(lambda parts: int(make_bill_id(parts)))
payment_parts = st.builds(
    PaymentId, st.integers(1, 9) | st.integers(1, 99_999_999), st.integers(0, 9), st.integers(0, 99)
)


@st.composite
def pairs(draw):
    """A bill id and its payment id, of which one may be off by a little or be any number."""
    bill_id = draw(bill_ids)
    payment_id = int(make_payment_id(bill_id, draw(payment_parts)))
    return draw(
        st.sampled_from([(bill_id, payment_id)])
        | st.tuples(st.just(bill_id), st.integers(-150, 150).map(lambda step: payment_id + step))
        | st.tuples(st.integers(-50, 50).map(lambda step: bill_id + step), st.just(payment_id))
        | st.tuples(numbers, numbers)
    )


def with_every_check_digit(values):
    """So that about one in ten is valid."""
    tens = [max(value // 10 * 10, INT64.min) for value in values]
    return [min(ten + digit, INT64.max) for ten in tens for digit in range(10)]


def array(values):
    return np.array(values, dtype=np.int64)


def test_known_pairs():
    bill_id = array([9174639504124, 7748317800142, 2000000299925, 1234599921, 3000000399923, 4000000499921])
    payment_id = array([12908190, 1770160, 3442226140751, 8741248, 540629, 99999940301])
    assert arrays.bill_check_valid(bill_id).all()
    assert arrays.payment_check_valid(bill_id, payment_id).all()
    assert not arrays.payment_check_valid(np.roll(bill_id, 1), payment_id).any()
    assert arrays.payment_amount_rial(payment_id).tolist() == [
        129_000, 17_000, 34_422_261_000, 87_000, 5_000, 999_999_000,
    ]  # fmt: skip
    assert arrays.bill_company_code(bill_id).tolist() == [41, 1, 999, 999, 999, 999]
    assert arrays.bill_service_type(bill_id).tolist() == [2, 4, 2, 2, 2, 2]


@given(st.lists(bill_ids | numbers, max_size=30))
def test_bill_ids_agree_with_the_scalar(values):
    bill_id = array(values)
    assert arrays.bill_check_valid(bill_id).tolist() == [is_valid_bill_id(value) for value in values]
    for value, company, service in zip(
        values, arrays.bill_company_code(bill_id), arrays.bill_service_type(bill_id), strict=True
    ):
        if is_valid_bill_id(value):
            parts = parse_bill_id(value)
            assert (company, service) == (parts.company_code, parts.service_type)


@given(st.lists(pairs(), max_size=30))
def test_payment_ids_agree_with_the_scalar(values):
    bill_id, payment_id = array([value[0] for value in values]), array([value[1] for value in values])
    expected = [is_valid_payment_id(payment, bill) for bill, payment in values]
    assert arrays.payment_check_valid(bill_id, payment_id).tolist() == expected
    for (bill, payment), valid, amount in zip(
        values, expected, arrays.payment_amount_rial(payment_id), strict=True
    ):
        if valid:
            assert amount == parse_payment_id(payment, bill).amount_rial


@given(st.lists(numbers | st.integers(10**7, 10**10), max_size=60))
def test_national_ids_agree_with_the_scalar(values):
    candidates = with_every_check_digit(values)
    expected = [is_valid_national_id(value) for value in candidates]
    assert arrays.national_id_valid(array(candidates)).tolist() == expected


@given(st.lists(numbers | st.integers(10**10, 10**11), max_size=60))
def test_legal_entity_ids_agree_with_the_scalar(values):
    candidates = with_every_check_digit(values)
    expected = [is_valid_legal_entity_id(value) for value in candidates]
    assert arrays.legal_entity_id_valid(array(candidates)).tolist() == expected


def test_known_people_and_legal_entities():
    assert arrays.national_id_valid(array([76229645, 1583250689, 11537027, 76229646, 1111111111])).tolist() == [
        True, True, True, False, False,
    ]  # fmt: skip
    assert arrays.legal_entity_id_valid(
        array([10380284790, 10860100167, 10380284792, 11111111111, 33333333333, 9748208301])
    ).tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize(
    "length", [0, 1, arrays._CHUNK_ROWS - 1, arrays._CHUNK_ROWS, 2 * arrays._CHUNK_ROWS + 1]
)
def test_every_row_is_checked_whatever_the_length(length):
    bill_id = np.full(length, 9174639504124, dtype=np.int64)
    payment_id = np.full(length, 12908190, dtype=np.int64)
    payment_id[-1:] += 1
    assert arrays.bill_check_valid(bill_id).tolist() == [True] * length
    assert arrays.payment_check_valid(bill_id, payment_id).tolist() == [True] * (length - 1) + [False] * min(
        length, 1
    )


def test_numbers_too_short_or_too_long_are_false_even_where_their_check_digits_fit():
    short = np.arange(10**5)
    long = np.concatenate([10**13 + short, 99_999 * 10**8 + 10**13 + short])
    for numbers_ in (short, long):
        bill_id = np.full(len(numbers_), 9174639504124)
        assert not arrays.payment_check_valid(bill_id, numbers_).any()
        assert not arrays.payment_check_valid(numbers_, np.full(len(numbers_), 12908190)).any()
        assert not arrays.bill_check_valid(numbers_).any()


def test_missing_is_false_and_minus_one():
    missing = array([-1])
    known = array([9174639504124])
    assert not arrays.bill_check_valid(missing)[0]
    assert not arrays.payment_check_valid(known, missing)[0]
    assert not arrays.payment_check_valid(missing, array([12908190]))[0]
    assert not arrays.national_id_valid(missing)[0]
    assert not arrays.legal_entity_id_valid(missing)[0]
    assert arrays.bill_company_code(missing)[0] == -1
    assert arrays.bill_service_type(missing)[0] == -1
    assert arrays.payment_amount_rial(missing)[0] == -1
