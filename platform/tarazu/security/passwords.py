"""Passwords: the policy, and Argon2id in threads of their own."""

from __future__ import annotations

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from tarazu.errors import BusyError, InputError

LENGTH_MIN: Final = 12
# Longer ones would cost memory for nothing.
LENGTH_MAX: Final = 1024
# argon2-cffi's defaults (RFC 9106, low memory) take 64 MiB each, so few run at once; who waits longer is refused.
_AT_ONCE: Final = 2
_WAITING_MAX: Final = 32

# Whole passwords of 12 and more characters that stand in the published lists of the most used ones; shorter ones fall
# by the length. No download of a larger list: the length, the lock-out and Argon2 carry the weight.
_COMMON: Final = frozenset(
    {
        "123456789012",
        "1234567890123",
        "12345678901234567890",
        "1q2w3e4r5t6y",
        "1qaz2wsx3edc",
        "abcdefghijkl",
        "administrator",
        "administrator1",
        "changeme1234",
        "iloveyou1234",
        "letmein12345",
        "password1234",
        "password12345",
        "password123456",
        "passwordpassword",
        "qazwsxedcrfv",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwerty123456",
        "tarazutarazu",
        "welcome12345",
    }
)


class PasswordError(InputError):
    """A password that the policy does not allow."""

    code = "access.password"


def check_password(password: str, username: str) -> None:
    """The policy: 12 to 1024 characters, not a common password, not made of the user's name or of one or two characters.

    Raises PasswordError, which never repeats the password.
    """
    if not LENGTH_MIN <= len(password) <= LENGTH_MAX:
        raise PasswordError(
            f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters.",
            mend="Take a few words that belong together for you alone.",
        )
    folded = password.casefold()
    without_name = folded.replace(username.casefold(), "")
    if folded in _COMMON or len(set(folded)) <= 2 or len(without_name) < LENGTH_MIN // 2:
        raise PasswordError(
            "This password is too easy to guess.", mend="Take a few words nobody would expect."
        )


class Passwords:
    """Hashes and checks passwords without holding up the event loop."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="argon2")
        self._waiting = 0
        self._nobodys: str | None = None

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)

    def hash(self, password: str) -> str:
        """The Argon2id hash in its usual text form; takes about a tenth of a second."""
        return self._hasher.hash(_bytes(password))

    async def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is that of the hash. None (nobody's) takes the same time and is never right.

        Raises BusyError where too many wait already.
        """
        if self._waiting >= _WAITING_MAX:
            raise BusyError("Too many people log in at this moment.", mend="Try again in a few seconds.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._verify, password_hash, password
            )
        finally:
            self._waiting -= 1

    async def rehash(self, password_hash: str, password: str) -> str | None:
        """A new hash where the old one was made with other parameters than today's."""
        if not self._hasher.check_needs_rehash(password_hash):
            return None
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.hash, password)

    def _verify(self, password_hash: str | None, password: str) -> bool:
        if self._nobodys is None:
            # Made on the first check of all, whoever's it is: its time tells nothing.
            self._nobodys = self._hasher.hash(b"nobody")
        try:
            self._hasher.verify(password_hash or self._nobodys, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False
        return password_hash is not None


def _bytes(password: str) -> bytes:
    # Keyboards differ in how they send an accent; composed, the same password has the same bytes.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
