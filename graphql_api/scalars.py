"""Scalars that GraphQL does not have: 64-bit integers, as numbers of JSON.

Numbers, not strings, because every server-side client reads them exactly, and because the amounts stay far below
2⁵³ (9 × 10¹⁵ rial), up to which JavaScript's numbers are exact too. A JavaScript client that sums up more uses BigInt.
"""

from __future__ import annotations

from typing import Final, NewType

from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition, scalar

Rial = NewType("Rial", int)
Long = NewType("Long", int)

_MIN: Final = -(2**63)
_MAX: Final = 2**63 - 1


def _parse(name: str, value: object) -> int:
    if type(value) is not int:
        raise GraphQLError(f"{name} is a whole number written without quotes.")
    if not _MIN <= value <= _MAX:
        raise GraphQLError(f"{name} is a number of 64 bits: from {_MIN} to {_MAX}.")
    return value


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Rial: scalar(
        name="Rial",
        description=(
            "An amount of money in whole Iranian rial (10 rial are a toman), as a JSON integer of up to 64 bits. "
            "Exact in JavaScript up to 2^53."
        ),
        serialize=int,
        parse_value=lambda value: _parse("Rial", value),
    ),
    Long: scalar(
        name="Long",
        description="An integer of up to 64 bits, as a JSON integer. Exact in JavaScript up to 2^53.",
        serialize=int,
        parse_value=lambda value: _parse("Long", value),
    ),
}
