"""Run the benchmarks: all, or those whose names begin with ONLY in the environment. Exit code 1 where a bar is missed."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

from benchmarks.report import Report

# Each is a module here with `run(report)`.
NAMES: Final = (
    "import_copy",
    "scan_duckdb",
    "graphql_read",
    "graphql_paging",
    "graphql_restart",
    "ranking_steg",
    "interval_attacks",
)
# Only where it is named in full: it takes MINUTES, 10 unless set.
LONG: Final = ("graphql_soak",)


def main() -> int:
    only = os.environ.get("ONLY", "")
    chosen = [only] if only in LONG else [name for name in NAMES if name.startswith(only)]
    if not chosen:
        print(
            f"ONLY={only}: there is no such benchmark; there are {', '.join((*NAMES, *LONG))}.",
            file=sys.stderr,
        )
        return 2
    report = Report()
    for name in chosen:
        importlib.import_module(f"benchmarks.{name}").run(report)
    return 0 if report.holds else 1


# Worker processes import this module too.
if __name__ == "__main__":
    sys.exit(main())
