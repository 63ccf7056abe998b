from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_api.errors import IdError
from graphql_api.ids import decode_id, encode_id, key_of, parse_number, parse_uuid


@given(st.integers(0, 2**63 - 1))
def test_an_id_gives_back_type_and_key(number: int) -> None:
    text = encode_id("DistributionTransformer", str(number))
    assert decode_id(text) == ("DistributionTransformer", str(number))
    assert parse_number(key_of(text, "DistributionTransformer")) == number


@given(st.uuids())
def test_a_uuid_key_is_read_back(key: uuid.UUID) -> None:
    assert parse_uuid(key_of(encode_id("Case", str(key)), "Case")) == key


@given(st.text(max_size=300))
def test_any_other_text_is_refused_as_an_id(text: str) -> None:
    with pytest.raises(IdError):
        key_of(text, "Case")


def test_the_id_of_another_type_is_refused_by_name() -> None:
    with pytest.raises(IdError, match="not that of a Case"):
        key_of(encode_id("Meter", "1"), "Case")


@pytest.mark.parametrize("key", ["", "-1", "1.5", "٣", "9" * 19, "9" * 400, "x", " 1"])
def test_keys_that_no_row_can_have_are_refused(key: str) -> None:
    with pytest.raises(IdError):
        parse_number(key)
