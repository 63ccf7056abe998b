"""Global ids: base64 of `Type:key`, so that `node(id)` knows where to look. Opaque to clients."""

from __future__ import annotations

import base64
import binascii
import uuid
from typing import Final

import strawberry

from graphql_api.errors import IdError

# Between the parts of a key of several columns.
KEY_SEPARATOR: Final = "@"
_BIGINT: Final = range(-(2**63), 2**63)
# The longest type name and a UUID make 72 characters; nothing longer is decoded.
_LENGTH_MAX: Final = 200


def encode_id(type_name: str, key: str) -> strawberry.ID:
    return strawberry.ID(base64.b64encode(f"{type_name}:{key}".encode()).decode("ascii"))


def decode_id(value: str) -> tuple[str, str]:
    """The type name and the key. Raises IdError."""
    if len(value) <= _LENGTH_MAX:
        try:
            type_name, colon, key = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
        except (binascii.Error, ValueError):
            colon = ""
        if colon:
            return type_name, key
    raise IdError("The id is damaged.", mend="Use an id as the API gave it.")


def key_of(value: str, type_name: str) -> str:
    """The key of an id that must be of that type. Raises IdError."""
    found, key = decode_id(value)
    if found != type_name:
        raise IdError(f"The id is not that of a {type_name}.", mend="Use an id as the API gave it.")
    return key


def parse_number(key: str) -> int:
    """A surrogate key. Raises IdError."""
    if key.isascii() and key.isdigit() and len(key) <= 19 and int(key) in _BIGINT:
        return int(key)
    raise IdError("The id is damaged.", mend="Use an id as the API gave it.")


def parse_uuid(key: str) -> uuid.UUID:
    """The key of a case or a finding. Raises IdError."""
    try:
        return uuid.UUID(key)
    except ValueError:
        raise IdError("The id is damaged.", mend="Use an id as the API gave it.") from None


def parse_uuid_key(key: str) -> tuple[uuid.UUID]:
    """As the values of the key's columns."""
    return (parse_uuid(key),)
