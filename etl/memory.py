"""How much memory this process has used at most."""

from __future__ import annotations

import resource
import sys


def peak_rss_mb() -> int:
    """Largest resident set so far, MiB. Linux counts in KiB, macOS in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak // (1024 * 1024 if sys.platform == "darwin" else 1024))
