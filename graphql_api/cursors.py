"""Cursors: the key of a row with the name of its list, as base64url of a JSON array. Opaque to clients."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import math
import uuid
from typing import Any, Final

import orjson

from graphql_api.errors import CursorError
from tarazu.paging import Key, KeyPart, Order

_BIGINT_MIN: Final = -(2**63)
_BIGINT_MAX: Final = 2**63 - 1
# Names and keys of all orders stay below 200 characters; nothing longer is decoded.
_LENGTH_MAX: Final = 500


def encode_cursor(order: Order, key: Key) -> str:
    # orjson writes dates and times as text, and floats so that they read back the same; asyncpg has a UUID of its own,
    # which `default` is for.
    return base64.urlsafe_b64encode(orjson.dumps([order.name, *key], default=str)).decode("ascii").rstrip("=")


def decode_cursor(cursor: str, order: Order) -> Key:
    """The key. Raises CursorError where the cursor is damaged or of another list or order."""
    parts = _parts(cursor)
    if not parts or not isinstance(parts[0], str):
        raise _damaged()
    if parts[0] != order.name:
        raise CursorError(
            "The cursor belongs to another list or another order of it.",
            mend="Start again without `after`, or use a cursor of the same list.",
        )
    if len(parts) != len(order.types) + 1:
        raise _damaged()
    return tuple(_read(part, kind) for part, kind in zip(parts[1:], order.types, strict=True))


def _parts(cursor: str) -> list[Any]:
    if len(cursor) > _LENGTH_MAX or not cursor.isascii():
        raise _damaged()
    try:
        # urlsafe_b64decode would skip characters that are none of its alphabet.
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        parts = orjson.loads(text)
    except (binascii.Error, ValueError):
        raise _damaged() from None
    return parts if isinstance(parts, list) else []


def _read(part: object, kind: type[KeyPart]) -> KeyPart:
    if kind is int and type(part) is int and _BIGINT_MIN <= part <= _BIGINT_MAX:
        return part
    if kind is float and type(part) in (int, float):
        number = float(part)  # type: ignore[arg-type]  # the line above says that it is a number
        if math.isfinite(number):
            return number
    if isinstance(part, str):
        if kind is str and "\0" not in part:
            return part
        try:
            if kind is dt.datetime:
                moment = dt.datetime.fromisoformat(part)
                return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
            if kind is dt.date:
                return dt.date.fromisoformat(part)
            if kind is uuid.UUID:
                return uuid.UUID(part)
        except ValueError:
            raise _damaged() from None
    raise _damaged()


def _damaged() -> CursorError:
    return CursorError("The cursor is damaged.", mend="Use a cursor as the API gave it, or none.")
