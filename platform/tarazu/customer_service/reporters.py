"""Who reported a tip-off, for the web process: sealed and opened with a key that is read when it is needed."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Final

from tarazu.customer_service.tip_offs import Reporter, reporter_of
from tarazu.database import ReadSession
from tarazu.errors import InputError, OperationalError, StorageError
from tarazu.security.audit import AuditWriter
from tarazu.security.encryption import Cipher, DecryptionError, EncryptionKeyError, load_cipher
from tarazu.security.principal import Principal
from tarazu.settings import Settings

_log: Final = logging.getLogger("tarazu.customer_service")


class ReportersUnavailableError(OperationalError):
    """Who reported can neither be sealed nor opened now; the log says why. It is no matter for a client."""

    code = "tip_offs.reporters_unavailable"

    def __init__(self) -> None:
        super().__init__(
            "Who reported cannot be read or kept now.", mend="Ask an operator to run `tarazu doctor`."
        )


class Reporters:
    """One for a process. A key that is there is read at once; one that is missing is made for the first reporter."""

    def __init__(self, settings: Settings, audit: AuditWriter) -> None:
        """Raises EncryptionKeyError and StorageError, so that a wrong key stops the start and not a report."""
        self._settings = settings
        self._audit = audit
        self._cipher = load_cipher(settings, create=False)

    async def cipher(self) -> Cipher:
        """Raises ReportersUnavailableError."""
        if self._cipher is None:
            try:
                self._cipher = await asyncio.to_thread(load_cipher, self._settings)
            except (EncryptionKeyError, StorageError) as error:
                raise self._unavailable(error) from error
        assert self._cipher is not None
        return self._cipher

    async def reporter_of(
        self, session: ReadSession, by: Principal, tip_off_id: uuid.UUID, *, request_id: str | None = None
    ) -> Reporter | None:
        """As `tarazu.customer_service.tip_offs.reporter_of`. Raises ReportersUnavailableError as well."""
        cipher = await self.cipher()
        try:
            return await reporter_of(session, cipher, self._audit, by, tip_off_id, request_id=request_id)
        except DecryptionError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: OperationalError | InputError) -> ReportersUnavailableError:
        # The message names a key or a file: for the operator.
        _log.error("reporters of tip-offs: %s: %s", error.code, error)
        return ReportersUnavailableError()
