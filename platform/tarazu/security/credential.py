"""What a checked credential is."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from tarazu.security.principal import Principal


@dataclass(frozen=True, slots=True)
class Credential:
    """Whose it is, and until when it can be valid at most."""

    principal: Principal
    expires_at: dt.datetime
