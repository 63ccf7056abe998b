"""Names as clients know them."""

from __future__ import annotations


def camel(name: str) -> str:
    """`district_code` as `districtCode`, the way strawberry names fields and arguments."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)
