"""Named moments of long work, at which a test may end the process without warning.

`reach("import.staged")` costs a dictionary look-up. Where the environment says `TARAZU_KILL_AT=import.staged`, the
process kills itself there: what a power cut would do, at a place one can name. `import.chunk:3` waits for the third
time, `scan.engine!SEGV` sends another signal, and with `TARAZU_KILL_ONCE=FILE` it happens once: the first process
to create FILE dies, later ones live. Nothing else reads these variables.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

_reached: Counter[str] = Counter()


def reach(moment: str) -> None:
    wanted = os.environ.get("TARAZU_KILL_AT")
    if not wanted:
        return
    wanted, _, signal_name = wanted.partition("!")
    name, _, count = wanted.partition(":")
    if name != moment:
        return
    _reached[moment] += 1
    if _reached[moment] < int(count or 1):
        return
    once = os.environ.get("TARAZU_KILL_ONCE")
    if once:
        try:
            Path(once).touch(exist_ok=False)
        except FileExistsError:
            return
    os.kill(os.getpid(), signal.Signals[f"SIG{signal_name or 'KILL'}"])
