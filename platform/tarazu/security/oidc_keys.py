"""The provider's public keys, fetched in the background and kept while the provider is away."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

import httpx
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, RSAKey

from tarazu.errors import OperationalError
from tarazu.security.oidc_settings import OidcSettings, OidcSettingsError, require_safe_url

_log: Final = logging.getLogger("tarazu.security")

PublicKey = RSAKey | ECKey

# Providers announce a new key hours before they sign with it.
_REFRESH_SECONDS: Final = 600.0
# Between attempts while the provider does not answer.
_RETRY_SECONDS: Final = 15.0
# A token with a key nobody knows makes one fetch in this time at most: such tokens cost their sender nothing.
_UNKNOWN_KEY_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 5.0
_RSA_BITS_MIN: Final = 2048


class IdentityProviderUnavailableError(OperationalError):
    """The provider has never answered since the start, so no access token can be checked."""

    code = "operational.identity_provider_unavailable"


class ProviderKeys:
    """Keys by their id: `async with ProviderKeys(settings) as keys` refreshes them in the background."""

    def __init__(
        self,
        settings: OidcSettings,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        # Redirects could lead to plain http; proxies and certificates are as the environment says.
        self._http = httpx.AsyncClient(transport=transport, timeout=_ANSWER_SECONDS, follow_redirects=False)
        self._clock = clock
        self._keys: Mapping[str, PublicKey] | None = None
        self._asked_for_unknown: float | None = None
        self._turn = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._keep_fresh(), name="identity provider's keys")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._http.aclose()

    async def find(self, key_id: str) -> PublicKey | None:
        """The key of an id; None where the provider has none.

        Raises IdentityProviderUnavailableError where no keys were ever got.
        """
        found = (self._keys or {}).get(key_id)
        if found is None and self._may_ask():
            self._asked_for_unknown = self._clock()
            await self.refresh()
            found = (self._keys or {}).get(key_id)
        if self._keys is None:
            raise IdentityProviderUnavailableError(
                "The identity provider does not answer.", mend="Try again in a moment."
            )
        return found

    async def refresh(self) -> bool:
        """Fetch the keys; where that fails the old ones stay. Says whether it worked."""
        async with self._turn:
            try:
                self._keys = _read_keys(await self._fetch())
            except (httpx.HTTPError, JoseError, OidcSettingsError, ValueError, TypeError, KeyError) as error:
                _log.warning("identity provider's keys not refreshed: %s", type(error).__name__)
                return False
            return True

    def _may_ask(self) -> bool:
        last = self._asked_for_unknown
        return last is None or self._clock() - last >= _UNKNOWN_KEY_SECONDS

    async def _keep_fresh(self) -> None:
        while True:
            is_done = await self.refresh()
            await asyncio.sleep(_REFRESH_SECONDS if is_done else _RETRY_SECONDS)

    async def _fetch(self) -> Any:
        url = self._settings.jwks_url
        if url is None:
            base = self._settings.issuer.rstrip("/")
            discovered = await self._get(f"{base}/.well-known/openid-configuration")
            if discovered["issuer"] != self._settings.issuer:
                raise OidcSettingsError("The discovery document is of another issuer.")
            url = str(discovered["jwks_uri"])
            require_safe_url("The `jwks_uri` of the discovery document", url)
        return await self._get(url)

    async def _get(self, url: str) -> Any:
        response = await self._http.get(url)
        response.raise_for_status()
        return response.json()


def _read_keys(document: Any) -> dict[str, PublicKey]:
    """The keys for signatures that have an id. Symmetric ones are left out: a public document can hold no secret."""
    keys: dict[str, PublicKey] = {}
    for data in document["keys"]:
        if (
            not isinstance(data, dict)
            or data.get("kty") not in ("RSA", "EC")
            or data.get("use", "sig") != "sig"
            or not isinstance(data.get("kid"), str)
        ):
            continue
        key = JWKRegistry.import_key(data)
        if isinstance(key, RSAKey) and key.raw_value.key_size < _RSA_BITS_MIN:
            continue
        if isinstance(key, RSAKey | ECKey):
            keys[data["kid"]] = key
    if not keys:
        raise ValueError("no keys for signatures")
    return keys
