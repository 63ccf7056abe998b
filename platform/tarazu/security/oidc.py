"""Checks OpenID Connect access tokens (RFC 7519, RFC 8725: algorithms pinned, issuer and audience compared)."""

from __future__ import annotations

import datetime as dt
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from joserfc import jws, jwt
from joserfc.errors import JoseError

from tarazu.database import Sessions
from tarazu.models.enums import Sector
from tarazu.security.credential import Credential
from tarazu.security.oidc_keys import ProviderKeys, PublicKey
from tarazu.security.oidc_settings import Group, OidcSettings
from tarazu.security.principal import PrincipalKind, RowScope
from tarazu.security.principals import NAME_LENGTH_MAX, principal_of
from tarazu.security.scopes import look_up_districts

# In a claim of districts or sectors: all of them.
ALL: Final = "*"
_KEY_TYPES: Final = {"RS": "RSA", "PS": "RSA", "ES": "EC"}


class OidcVerifier:
    """Turns access tokens of the company's provider into principals."""

    def __init__(
        self, settings: OidcSettings, keys: ProviderKeys, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._keys = keys
        self._claims = jwt.JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=settings.leeway_seconds,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            exp={"essential": True},
            sub={"essential": True},
        )

    async def verify(self, text: str, sessions: Sessions) -> Credential | None:
        """Whose token it is; None where it is not valid, or its groups have no role here.

        Raises IdentityProviderUnavailableError.
        """
        try:
            header = jws.extract_compact(text.encode()).headers()
        except (JoseError, ValueError, TypeError, AttributeError):
            # The last two: a header that is JSON, but no object.
            return None
        # Before any key is looked for: neither `none` nor a MAC keyed with a public key gets further.
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm not in self._settings.algorithms or not isinstance(key_id, str):
            return None
        key = await self._keys.find(key_id)
        if key is None or key.key_type != _KEY_TYPES[algorithm[:2]]:
            return None
        claims = self._check(text, key, algorithm)
        return None if claims is None else await self._credential(claims, sessions)

    def _check(self, text: str, key: PublicKey, algorithm: str) -> Mapping[str, Any] | None:
        try:
            claims = jwt.decode(text, key, algorithms=[algorithm]).claims
            self._claims.validate(claims)
        except (JoseError, ValueError):
            return None
        return claims

    async def _credential(self, claims: Mapping[str, Any], sessions: Sessions) -> Credential | None:
        group = self._group(claims)
        if group is None:
            return None
        codes = _narrowed(group.districts, self._claimed(claims, self._settings.district_claim))
        sectors = _narrowed(group.sectors, self._claimed(claims, self._settings.sector_claim))
        district_ids = None
        if codes is not None:
            async with sessions.read() as session:
                district_ids = frozenset(await look_up_districts(session, sorted(codes)))
        scope = RowScope(
            district_ids=district_ids,
            sectors=None if sectors is None else frozenset(Sector(s) for s in sectors if s in set(Sector)),
        )
        issuer_and_subject = f"{self._settings.issuer}\n{claims['sub']}".encode(errors="surrogatepass")
        key = hashlib.sha256(issuer_and_subject).hexdigest()[:32]
        principal = principal_of(PrincipalKind.OIDC, key, _name(claims) or key, group.role, scope)
        try:
            expires_at = dt.datetime.fromtimestamp(claims["exp"], dt.UTC)
        except (OverflowError, ValueError):
            return None
        return Credential(principal, expires_at + dt.timedelta(seconds=self._settings.leeway_seconds))

    def _group(self, claims: Mapping[str, Any]) -> Group | None:
        names = set(_texts(claims.get(self._settings.role_claim)))
        return next((group for name, group in self._settings.groups.items() if name in names), None)

    def _claimed(self, claims: Mapping[str, Any], claim: str | None) -> frozenset[str] | None:
        """What a claim lets be seen: a token without the claim that was set to decide lets nothing be seen."""
        if claim is None:
            return None
        values = _texts(claims.get(claim))
        return None if ALL in values else frozenset(values)


def _narrowed(of_group: tuple[str, ...] | None, claimed: frozenset[str] | None) -> frozenset[str] | None:
    """What both let be seen."""
    if of_group is None:
        return claimed
    return frozenset(of_group) if claimed is None else frozenset(of_group) & claimed


def _texts(claim: Any) -> list[str]:
    """The texts of a claim. Those that no code or name can be, such as U+0000, PostgreSQL would not even compare."""
    values = claim if isinstance(claim, list) else [claim]
    return [value for value in values if isinstance(value, str) and value.isprintable()]


def _name(claims: Mapping[str, Any]) -> str:
    name = claims.get("preferred_username")
    if not isinstance(name, str):
        return ""
    return "".join(character for character in name if character.isprintable())[:NAME_LENGTH_MAX].strip()
