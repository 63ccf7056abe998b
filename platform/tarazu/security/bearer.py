"""The form of our own bearer tokens: `trz_<prefix>_<secret>` of applications, `trs_<prefix>_<secret>` of log-ins.

The prefix is a name that people may see; the secret has 256 bits, so its SHA-256 needs neither salt nor stretching.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_SECRET_BYTES: Final = 32
_PREFIX_BYTES: Final = 6
_FORM: Final = re.compile(r"(trz|trs)_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class BearerKind(StrEnum):
    APPLICATION = "trz"
    LOGIN = "trs"


@dataclass(frozen=True, slots=True, repr=False)
class BearerToken:
    kind: BearerKind
    prefix: str
    secret: str

    @property
    def text(self) -> str:
        """All of it, to be shown once to whom it is for."""
        return f"{self.kind.value}_{self.prefix}_{self.secret}"

    @property
    def secret_sha256(self) -> bytes:
        return hashlib.sha256(self.secret.encode("ascii")).digest()

    def is_of(self, secret_sha256: bytes) -> bool:
        """Whether the secret is the one of the hash, in constant time."""
        return hmac.compare_digest(self.secret_sha256, secret_sha256)

    def __repr__(self) -> str:
        return f"<{self.kind.value}_{self.prefix}_…>"


def new_bearer(kind: BearerKind) -> BearerToken:
    return BearerToken(kind, secrets.token_hex(_PREFIX_BYTES), secrets.token_urlsafe(_SECRET_BYTES))


def parse_bearer(text: str) -> BearerToken | None:
    """The token that a text is; None where it has not the form of ours."""
    match = _FORM.fullmatch(text)
    return None if match is None else BearerToken(BearerKind(match[1]), match[2], match[3])
