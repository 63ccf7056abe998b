"""Encryption of single values at rest: AES-256-GCM, bound to the row they belong to.

A sealed value is: 1 byte of version, 8 bytes that name the key, 12 bytes of nonce, the ciphertext with its 16-byte tag.
The bytes before the nonce are authenticated too. Keys rotate: the first key of the list seals, all of them open.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tarazu.errors import InputError, OperationalError, StorageError
from tarazu.folders import private_folder
from tarazu.settings import Settings

_VERSION: Final = b"\x01"
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 8
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16
_HEAD_BYTES: Final = len(_VERSION) + _ID_BYTES


class EncryptionKeyError(InputError):
    """A key is malformed; the message never repeats it."""

    code = "encryption.key"


class DecryptionError(OperationalError):
    """A value cannot be opened: its key is not at hand, or it was changed or moved to another row."""

    code = "encryption.decryption"


@dataclass(frozen=True, slots=True, repr=False)
class EncryptionKey:
    secret: bytes

    @property
    def id(self) -> bytes:
        """A name that tells nothing of the key."""
        return hashlib.sha256(b"tarazu.encryption.key-id\0" + self.secret).digest()[:_ID_BYTES]

    def __repr__(self) -> str:
        return f"<key {self.id.hex()}>"


class Cipher:
    """Seals and opens values. `row` names what a value belongs to; it opens with exactly that."""

    def __init__(self, keys: Sequence[EncryptionKey]) -> None:
        if not keys:
            raise EncryptionKeyError("There is no encryption key.", mend="Give at least one.")
        self._current = keys[0]
        self._keys = {key.id: key for key in keys}

    @property
    def key_id(self) -> str:
        """The name of the key that seals."""
        return self._current.id.hex()

    def seal(self, plain: bytes, *, row: str) -> bytes:
        head = _VERSION + self._current.id
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return head + nonce + AESGCM(self._current.secret).encrypt(nonce, plain, head + row.encode())

    def open(self, sealed: bytes, *, row: str) -> bytes:
        """Raises DecryptionError."""
        if len(sealed) < _HEAD_BYTES + _NONCE_BYTES + _TAG_BYTES or sealed[:1] != _VERSION:
            raise DecryptionError("The encrypted value is damaged.", mend="Restore the row from a backup.")
        head, nonce = sealed[:_HEAD_BYTES], sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES]
        key = self._keys.get(head[1:])
        if key is None:
            raise DecryptionError(
                f"The value was encrypted with the key {head[1:].hex()}, which is not at hand.",
                mend="Add that key to TARAZU_ENCRYPTION_KEY or to the key file, after the current one.",
            )
        try:
            return AESGCM(key.secret).decrypt(
                nonce, sealed[_HEAD_BYTES + _NONCE_BYTES :], head + row.encode()
            )
        except InvalidTag:
            raise DecryptionError(
                "The encrypted value was changed, or belongs to another row.",
                mend="Restore the row from a backup.",
            ) from None


def load_cipher(settings: Settings, *, create: bool = True) -> Cipher | None:
    """The cipher of `TARAZU_ENCRYPTION_KEY`, or of the key file, which is made when it is missing.

    Without `create`, None where there is no key yet. Raises EncryptionKeyError, StorageError.
    """
    if settings.encryption_key is not None:
        text = settings.encryption_key.get_secret_value()
        return Cipher(_read_keys(text.split(","), "TARAZU_ENCRYPTION_KEY"))
    file = settings.encryption_key_file
    if not file.exists():
        if not create:
            return None
        _make_file(file)
    return Cipher(_read_keys(_read_file(file).split(), str(file)))


def _read_keys(texts: Sequence[str], origin: str) -> list[EncryptionKey]:
    keys = []
    for number, text in enumerate(texts, 1):
        try:
            secret = base64.b64decode(text.strip(), validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != _KEY_BYTES:
            raise EncryptionKeyError(
                f"{origin}: key {number} is not the base64 of {_KEY_BYTES} bytes.",
                mend="Make one with: openssl rand -base64 32",
            )
        keys.append(EncryptionKey(secret))
    return keys


def _read_file(file: Path) -> str:
    try:
        if file.stat().st_mode & 0o077:
            raise StorageError(f"{file} is open to other users.", mend=f"Run: chmod 600 {file}")
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(
            f"The key file {file} cannot be read: {type(error).__name__}.",
            mend="Give it to the user of Tarazu, or restore it from a backup.",
        ) from error


def _make_file(file: Path) -> None:
    """Whole or not at all, and never over another: a second process may make it at the same moment."""
    private_folder(file.parent)
    made = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode() + "\n")
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(made, file)
        except FileExistsError:
            return
        finally:
            made.unlink()
    except OSError as error:
        raise StorageError(
            f"The key file {file} cannot be written: {error.strerror}.",
            mend="Make room, or give the folder to the user of Tarazu.",
        ) from error
