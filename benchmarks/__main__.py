"""Run the benchmarks: all, or the one named by ONLY in the environment. Exit code 1 where a bar is missed."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Final

from benchmarks.report import Report

# Each is a module here with `run(report)`.
NAMES: Final = ("import_copy", "scan_duckdb")


def main() -> int:
    only = os.environ.get("ONLY")
    if only and only not in NAMES:
        print(f"ONLY={only}: there is no such benchmark; there are {', '.join(NAMES)}.", file=sys.stderr)
        return 2
    report = Report()
    for name in NAMES:
        if not only or only == name:
            importlib.import_module(f"benchmarks.{name}").run(report)
    return 0 if report.holds else 1


# Worker processes import this module too.
if __name__ == "__main__":
    sys.exit(main())
