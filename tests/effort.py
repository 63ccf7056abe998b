"""How often tests that draw or kill repeat: once by default; `TEST_EFFORT=20` for a long run."""

from __future__ import annotations

import os
from typing import Final

EFFORT: Final = int(os.environ.get("TEST_EFFORT", "1"))
