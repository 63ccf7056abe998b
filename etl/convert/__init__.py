"""Converters: a column of a source in, values and the reasons of refused rows out. All work on whole columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import polars as pl

from etl.convert import dates, identifiers, numbers, texts
from etl.convert.base import REASON, Converted, as_text, clean
from etl.mapping import Value

Converter: TypeAlias = Callable[[pl.Series, Value, pl.DataType], Converted]

# `identifier` is not for mappings to name: it is what `text` becomes where the field is part of a key.
CONVERTERS: Final[Mapping[str, Converter]] = {
    "text": texts.text,
    "identifier": texts.identifier,
    "digits": texts.digits,
    "enum": texts.choice,
    "boolean": texts.boolean,
    "integer": numbers.integer,
    "number": numbers.number,
    "rial": numbers.rial,
    "toman": numbers.toman,
    "date": dates.date,
    "datetime": dates.datetime,
    "bill_id": identifiers.bill_id,
    "payment_id": identifiers.payment_id,
    "national_id": identifiers.national_id,
    "legal_entity_id": identifiers.legal_entity_id,
    "mobile": identifiers.mobile,
    "iban": identifiers.iban,
}

__all__ = ["CONVERTERS", "REASON", "Converted", "Converter", "as_text", "clean"]
