import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl.convert import CONVERTERS
from etl.mapping import Value
from etl.reasons import IDENTIFIER_REASONS
from tarazu.errors import IdentifierError
from tarazu.identifiers.bill import BillId, make_bill_id, parse_bill_id
from tarazu.identifiers.iban import parse_iban
from tarazu.identifiers.legal_entity_id import parse_legal_entity_id
from tarazu.identifiers.mobile import parse_mobile
from tarazu.identifiers.national_id import parse_national_id

SOUND = {
    "bill_id": ["1000000199927", "9174639504124", "0001234599921", "۹۱۷۴۶۳۹۵۰۴۱۲۴"],
    "national_id": ["0084575948", "84575948", "008-457594-8"],
    "legal_entity_id": ["14007650912"],
    "mobile": ["09123456789", "+98 912 345 6789", "9123456789", "00989123456789"],
    "iban": ["IR062960000000100324200001", "ir06 2960 0000 0010 0324 2000 01"],
}


def canonical_bill(value):
    parse_bill_id(value)
    return make_bill_id(parse_bill_id(value))


PARSERS = {
    "bill_id": canonical_bill,
    "national_id": parse_national_id,
    "legal_entity_id": parse_legal_entity_id,
    "mobile": parse_mobile,
    "iban": parse_iban,
}


def convert(name, values):
    found = CONVERTERS[name](pl.Series(values, dtype=pl.String), Value(), pl.String())
    refused = found.refused.to_list() if found.refused is not None else [None] * len(found.values)
    return list(zip(found.values.to_list(), refused, strict=True))


def expected(name, text):
    if not text.strip():
        return None, None
    try:
        return PARSERS[name](text), None
    except IdentifierError as error:
        return None, IDENTIFIER_REASONS[error.reason].value


@pytest.mark.parametrize("name", PARSERS)
def test_every_text_is_read_or_refused_as_the_parser_does(name):
    near = st.sampled_from(SOUND[name]).flatmap(
        lambda sound: st.tuples(st.integers(0, len(sound)), st.text("0123456789۳a -", max_size=2)).map(
            lambda change: sound[: change[0]] + change[1] + sound[change[0] + 1 :]
        )
    )

    @given(
        st.lists(
            st.one_of(near, st.sampled_from(SOUND[name]), st.text("0159 -IRx+", max_size=14)),
            min_size=1,
            max_size=6,
        )
    )
    def holds(texts):
        assert convert(name, texts) == [expected(name, text) for text in texts]

    holds()


@pytest.mark.parametrize(("text", "value", "reason"), [
    ("0000012908190", "12908190", None),
    ("12345", None, "length"),
    ("12908190123456", None, "length"),
    ("1290819x", None, "digits"),
])  # fmt: skip
def test_of_a_payment_id_the_shape_is_looked_at(text, value, reason):
    assert convert("payment_id", [text]) == [(value, reason)]


def test_a_bill_id_of_any_company_passes():
    assert convert("bill_id", [make_bill_id(BillId(1, 999))]) == [(make_bill_id(BillId(1, 999)), None)]
