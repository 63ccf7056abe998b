from __future__ import annotations

import base64
import datetime as dt
import uuid

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_api.cursors import decode_cursor, encode_cursor
from graphql_api.errors import CursorError
from tarazu.paging import Order

ORDER = Order(
    "test", ("number", "ratio", "day", "moment", "id"), (int, float, dt.date, dt.datetime, uuid.UUID)
)
KEYS = st.tuples(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(),
    st.datetimes(timezones=st.just(dt.UTC)),
    st.uuids(),
)


def crafted(*parts: object) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


@given(KEYS)
def test_a_cursor_gives_back_its_key(key: tuple[object, ...]) -> None:
    assert decode_cursor(encode_cursor(ORDER, key), ORDER) == key


@given(
    st.text(max_size=600) | st.binary(max_size=60).map(lambda data: base64.urlsafe_b64encode(data).decode())
)
def test_any_other_text_is_refused_as_a_cursor(text: str) -> None:
    with pytest.raises(CursorError):
        decode_cursor(text, ORDER)


@given(KEYS, st.integers(0, 4), st.sampled_from([None, True, [], {}, "x", 2**63, "NaN"]))
def test_a_key_of_another_type_is_refused(key: tuple[object, ...], place: int, wrong: object) -> None:
    parts = list(orjson.loads(orjson.dumps(key)))
    if wrong == 2**63 and place == 1:
        return  # a float may be written without a point
    parts[place] = wrong
    with pytest.raises(CursorError):
        decode_cursor(crafted("test", *parts), ORDER)


def test_a_cursor_of_another_list_is_refused_and_says_so() -> None:
    other = Order("other", ("id",), (int,))
    with pytest.raises(CursorError, match="another list"):
        decode_cursor(encode_cursor(other, (1,)), ORDER)


@pytest.mark.parametrize("parts", [[], [1], ["test"], ["test", 1], {"test": 1}, "test"])
def test_a_cursor_of_another_shape_is_refused(parts: object) -> None:
    text = base64.urlsafe_b64encode(orjson.dumps(parts)).decode()
    with pytest.raises(CursorError):
        decode_cursor(text, ORDER)
