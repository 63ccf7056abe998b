"""How much a principal may cost in a minute, how often it may be refused, and how often an address may fail to prove
who it is.

All count a sliding minute. Costs go through the library `limits`, whose storage may be shared by several processes;
refusals and failures are counted in the process itself, because a flood of them must cost nothing.
"""

from __future__ import annotations

import ipaddress
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, cast

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, SlidingWindowCounterSupport
from limits.aio.storage import Storage as AsyncStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError, StorageError
from limits.storage import storage_from_string

from graphql_api.refusals import RefusedError
from tarazu.errors import InputError
from tarazu.security.permissions import Role
from tarazu.security.principal import Principal
from tarazu.settings import Settings

_SECONDS: Final = 60
_NAMESPACE: Final = "tarazu:cost"
# Of addresses or principals counted lately; the oldest is forgotten first. 100 bytes each.
_COUNTED_MAX: Final = 10_000

_log: Final = logging.getLogger("tarazu.graphql")


class RateError(RefusedError):
    """The principal has used up what it may cost in a minute."""

    code = "graphql.rate"
    status: ClassVar[int] = 429

    def __init__(self, retry_after_seconds: int, cost: int, budget: int) -> None:
        super().__init__(
            f"The operation costs {cost:,}, and what is left of the budget of {budget:,} a minute is less.",
            mend="Ask for less."
            if cost > budget
            else f"Try again in {retry_after_seconds} s, or ask for less.",
        )
        self.retry_after_seconds = retry_after_seconds


class TooManyFailuresError(RefusedError):
    """The address failed to authenticate too often."""

    code = "access.too_many_failures"
    status: ClassVar[int] = 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many failed attempts from this address.", mend=f"Try again in {retry_after_seconds} s."
        )
        self.retry_after_seconds = retry_after_seconds


class TooManyRefusalsError(RefusedError):
    """So many requests of the principal were refused that new ones are not read for a while."""

    code = "graphql.too_many_refusals"
    status: ClassVar[int] = 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(
            "Too many requests of this principal were refused in a minute, so what is new is not read now.",
            mend=f"Mend what is sent, and try again in {retry_after_seconds} s. Documents that were accepted before go on.",
        )
        self.retry_after_seconds = retry_after_seconds


class RateStorageError(InputError):
    """The storage of TARAZU_API_RATE_STORAGE cannot be used."""

    code = "graphql.rate_storage"


class CostRate:
    """Charges costs to principals. One object for the process; `budgets` are by role, a minute."""

    def __init__(self, budgets: Mapping[Role, int], *, storage: str = "async+memory://") -> None:
        """Raises RateStorageError for an address that is none, or whose client library is not installed."""
        self._items = {
            role: RateLimitItemPerMinute(budget, namespace=_NAMESPACE) for role, budget in budgets.items()
        }
        try:
            chosen = storage_from_string(storage, wrap_exceptions=True)
        except (ConfigurationError, ValueError):
            chosen = None
        if not isinstance(chosen, AsyncStorage) or not isinstance(chosen, SlidingWindowCounterSupport):
            # Without the cause, which would repeat the address with its password.
            raise RateStorageError(
                "TARAZU_API_RATE_STORAGE cannot be used.",
                mend="Give `async+memory://` or `async+redis://host:port/0` with redis-py installed.",
            )
        self._limiter = SlidingWindowCounterRateLimiter(chosen)
        # Takes over while a shared storage is away: each process then gives the whole budget, none gives nothing.
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())

    @classmethod
    def of(cls, settings: Settings) -> CostRate:
        return cls(settings.api_cost_per_minute, storage=settings.api_rate_storage)

    async def charge(self, principal: Principal, cost: int) -> int:
        """What remains of the principal's budget for this minute. Raises RateError; what is refused is not charged."""
        try:
            return await self._charge(self._limiter, principal, cost)
        except StorageError:
            _log.warning("the storage of rates is away; counting in this process")
            return await self._charge(self._own, principal, cost)

    async def _charge(self, limiter: SlidingWindowCounterRateLimiter, principal: Principal, cost: int) -> int:
        item = self._items[principal.role]
        if not await limiter.hit(item, principal.id, cost=cost):
            raise RateError(await self._wait_seconds(limiter, item, principal, cost), cost, item.amount)
        return (await limiter.get_window_stats(item, principal.id)).remaining

    async def _wait_seconds(
        self,
        limiter: SlidingWindowCounterRateLimiter,
        item: RateLimitItemPerMinute,
        principal: Principal,
        cost: int,
    ) -> int:
        """Seconds until the same cost would be granted, if nothing else is charged meanwhile."""
        storage = cast(SlidingWindowCounterSupport, limiter.storage)
        previous, previous_ttl, current, current_ttl = await storage.get_sliding_window(
            item.key_for(principal.id), _SECONDS
        )
        free = item.amount - cost
        if free < 0:
            return _SECONDS  # never, but a client that waits should not come back at once
        if current <= free:
            # The last minute's share shrinks to what is free.
            wait = previous_ttl - (free - current) * _SECONDS / previous if previous else 1
        else:
            # First this minute has to become the last one, then its share shrinks.
            wait = current_ttl - _SECONDS + _SECONDS * (1 - free / current)
        return max(1, math.ceil(wait))


@dataclass(slots=True)
class _Count:
    since: float
    count: int
    before: int


class _SlidingMinute:
    """Counts by key; the share of the minute before shrinks as this one passes."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def wait_seconds(self, key: str) -> int:
        """0 where there is room for another one."""
        counted = self._counts.get(key)
        if counted is None:
            return 0
        self._roll(counted)
        into = self._clock() - counted.since
        weighted = counted.before * (1 - into / _SECONDS) + counted.count
        return max(1, math.ceil(_SECONDS - into)) if weighted >= self._per_minute else 0

    def note(self, key: str) -> None:
        counted = self._counts.get(key)
        if counted is None:
            counted = self._counts[key] = _Count(self._clock(), 0, 0)
            if len(self._counts) > _COUNTED_MAX:
                self._counts.popitem(last=False)
        self._roll(counted)
        counted.count += 1
        self._counts.move_to_end(key)

    def _roll(self, counted: _Count) -> None:
        minutes = int((self._clock() - counted.since) // _SECONDS)
        if minutes:
            counted.before = counted.count if minutes == 1 else 0
            counted.count = 0
            counted.since += minutes * _SECONDS


class FailedAttempts:
    """Failed authentications by address of the client. An IPv6 client is its /64, which one customer has whole."""

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = _SlidingMinute(per_minute, clock)

    def check(self, address: str | None) -> None:
        """Before the attempt. Raises TooManyFailuresError."""
        if wait := self._failures.wait_seconds(_network(address)):
            raise TooManyFailuresError(wait)

    def note(self, address: str | None) -> None:
        """After an attempt that failed."""
        self._failures.note(_network(address))


class Refusals:
    """Requests that were refused after they had to be read, by principal.

    Reading what is hostile takes up to 33 ms, in which everybody else waits; a program that is sound is refused once.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._refusals = _SlidingMinute(per_minute, clock)

    def check(self, principal: Principal) -> None:
        """Before something is read that was not met before. Raises TooManyRefusalsError."""
        if wait := self._refusals.wait_seconds(principal.id):
            raise TooManyRefusalsError(wait)

    def note(self, principal: Principal) -> None:
        self._refusals.note(principal.id)


def _network(address: str | None) -> str:
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        # A socket of the machine, or a proxy that hides it: all of these are one client.
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
