"""The national id of a legal entity, «شناسه ملی اشخاص حقوقی»: eleven digits, the last a check digit."""

from __future__ import annotations

from typing import Final, NewType

from tarazu.errors import IdentifierError
from tarazu.identifiers._reading import read_digits, refusal

LegalEntityId = NewType("LegalEntityId", str)
"""Eleven ASCII digits that passed the check."""

WEIGHTS: Final = (29, 27, 23, 19, 17, 29, 27, 23, 19, 17)
"""Of the first ten digits, from the left."""

_KIND: Final = "legal-entity id"


def parse_legal_entity_id(value: str | int) -> LegalEntityId:
    """The eleven digits.

    Check digit: with k = d₉ + 2, Σ (k + dᵢ)·wᵢ over the first ten, modulo 11; 10 becomes 0.

    Raises IdentifierError: `digits`, `length`, `repeated` (33333333333 fits the arithmetic), `serial`,
    `check_digit`.
    """
    digits = read_digits(value, _KIND, range(11, 12))
    if len(set(digits)) == 1:
        raise refusal(_KIND, digits, "repeated", "is one digit repeated")
    if digits[3:9] == "000000":
        raise refusal(_KIND, digits, "serial", "has a serial of zeros")
    k = int(digits[9]) + 2
    remainder = (
        sum((k + int(digit)) * weight for digit, weight in zip(digits[:10], WEIGHTS, strict=True)) % 11
    )
    if int(digits[10]) != remainder % 10:
        raise refusal(_KIND, digits, "check_digit", "has a check digit that does not fit")
    return LegalEntityId(digits)


def is_valid_legal_entity_id(value: str | int) -> bool:
    try:
        parse_legal_entity_id(value)
    except IdentifierError:
        return False
    return True
