"""One line a measurement: its value, beside the anchor that was measured in the same run, and whether its bar holds.

A table by default; with JSON=1 in the environment one JSON object a line, with exactly the fields of `Line`.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """`ratio` is `value` against `anchor`, `bar` what is asked of it, `holds` None where nothing is asked."""

    name: str
    value: float
    unit: str
    anchor: float | None
    ratio: float | None
    bar: str | None
    holds: bool | None


@dataclass
class Report:
    """Prints each line as it comes: a benchmark may run for minutes."""

    lines: list[Line] = field(default_factory=list)

    def line(
        self,
        name: str,
        value: float,
        unit: str,
        anchor: float | None = None,
        ratio: float | None = None,
        bar: str | None = None,
        holds: bool | None = None,
    ) -> None:
        line = Line(name, value, unit, anchor, ratio, bar, holds)
        if os.environ.get("JSON") == "1":
            print(json.dumps(asdict(line), ensure_ascii=False), flush=True)
        else:
            if not self.lines:
                print(f"{'name':<44} {'value':>12} {'unit':<8} {'anchor':>12} {'ratio':>7}  bar")
            print(
                f"{name:<44} {_number(value):>12} {unit:<8} {'' if anchor is None else _number(anchor):>12} "
                f"{'' if ratio is None else f'{ratio:.2f}':>7}  {bar or ''} {_verdict(holds)}".rstrip(),
                flush=True,
            )
        self.lines.append(line)

    @property
    def holds(self) -> bool:
        """Whether no bar was missed."""
        return all(line.holds is not False for line in self.lines)


def _number(value: float) -> str:
    # A bar of .002 cannot be seen in two decimals.
    return f"{value:,.2f}" if abs(value) >= 0.1 else f"{value:.4f}"


def _verdict(holds: bool | None) -> str:
    return {None: "", True: "holds", False: "MISSED"}[holds]
