"""What the process needs to know who asks and to write down what they do; starts and stops with it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypedDict

from graphql_api.limits.rate import FailedAttempts
from tarazu.customer_service.reporters import Reporters
from tarazu.database import Sessions
from tarazu.security.audit import AuditWriter
from tarazu.security.authentication import Authenticator
from tarazu.security.login import Logins
from tarazu.security.oidc import OidcVerifier
from tarazu.security.oidc_keys import ProviderKeys
from tarazu.security.oidc_settings import oidc_settings
from tarazu.security.passwords import Passwords
from tarazu.security.roles import role_policies
from tarazu.settings import Settings


class AccessState(TypedDict):
    """What requests find in `request.state` of it; `principal` comes with each request."""

    authenticator: Authenticator
    failures: FailedAttempts
    logins: Logins
    audit: AuditWriter
    reporters: Reporters


@asynccontextmanager
async def access_of(sessions: Sessions, settings: Settings) -> AsyncIterator[AccessState]:
    """Raises InputError where the roles, the settings of the identity provider or the encryption key are wrong, StorageError
    where the key cannot be read; needs no database.
    """
    role_policies()
    provider = oidc_settings(settings)
    async with AsyncExitStack() as stack:
        oidc = None
        if provider is not None:
            oidc = OidcVerifier(provider, await stack.enter_async_context(ProviderKeys(provider)))
        passwords = Passwords()
        stack.callback(passwords.close)
        audit = await stack.enter_async_context(AuditWriter(sessions))
        yield {
            "authenticator": Authenticator(sessions, settings, oidc=oidc),
            "failures": FailedAttempts(settings.api_failed_attempts_per_minute),
            "logins": Logins(sessions, settings, passwords),
            "audit": audit,
            "reporters": Reporters(settings, audit),
        }
