"""What differs from company to company and year to year: prices, technical losses, the company code.

None of it is law or physics, so none of it is in code: `catalogue/site.yaml` holds the defaults, each with unit,
source and validity, and a company lays its own file over them (`TARAZU_SITE_FILE`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from rules.batch import TARIFF_CLASSES
from tarazu.errors import RuleError

DEFAULT_SITE_FILE = Path(__file__).parent / "catalogue" / "site.yaml"


@dataclass(frozen=True, slots=True)
class ReadingPractice:
    """What counts as what when the visits of reading agents are counted; site values of the same names."""

    step_limits_kwh: tuple[float, ...] = (100.0, 200.0, 300.0, 400.0, 500.0, 600.0)
    step_window_kwh: float = 5.0
    far_metres: float = 100.0
    night_from_hour: int = 20
    night_to_hour: int = 5
    least_others_visits: int = 30
    scorecard_weights: tuple[tuple[str, float], ...] = (
        ("round_readings", 2.0),
        ("step_heaping", 2.0),
        ("same_registers", 2.0),
        ("repeated_consumptions", 2.0),
        ("not_read_visits", 1.0),
        ("zero_readings", 2.0),
        ("reading_corrections", 1.0),
        ("irregular_visits", 0.5),
        ("photo_mismatch", 3.0),
        ("distant_readings", 1.0),
    )
    scorecard_least_evidence: float = 1.0
    scorecard_full_evidence: float = 6.0


@dataclass(frozen=True, slots=True)
class Site:
    """Site values in force on one day."""

    energy_price_rial_per_kwh: tuple[float, ...]  # by TARIFF_CLASSES
    technical_loss_percent: float
    balance_coverage_percent: float
    service_type: int
    company_code: int  # -1: not checked
    reading: ReadingPractice = ReadingPractice()


def load_site(as_of: dt.date, overlay: Path | None = None, company_code: str | None = None) -> Site:
    """The values valid on `as_of`.

    Raises:
        RuleError: a value is missing for that day, or the overlay is not of the form of `site.yaml`.
    """
    values = _read(DEFAULT_SITE_FILE)
    if overlay is not None:
        values |= _read(overlay)

    def at(name: str) -> Any:
        rows = values.get(name)
        if not isinstance(rows, list):
            raise RuleError(f"site value {name!r} is missing.", mend="Give it as a list of validity rows.")
        valid = [row for row in rows if row["valid_from"] <= as_of]
        if not valid:
            raise RuleError(
                f"site value {name!r} has no row valid on {as_of}.",
                mend="Add one with an earlier valid_from.",
            )
        return max(valid, key=lambda row: row["valid_from"])["value"]

    prices = at("energy_price_rial_per_kwh")
    return Site(
        energy_price_rial_per_kwh=tuple(float(prices[name]) for name in TARIFF_CLASSES),
        technical_loss_percent=float(at("technical_loss_percent")),
        balance_coverage_percent=float(at("balance_coverage_percent")),
        service_type=int(at("service_type")),
        company_code=int(company_code) if company_code else -1,
        reading=ReadingPractice(
            step_limits_kwh=tuple(float(limit) for limit in at("step_limits_kwh")),
            step_window_kwh=float(at("step_window_kwh")),
            far_metres=float(at("far_metres")),
            night_from_hour=int(at("night_from_hour")),
            night_to_hour=int(at("night_to_hour")),
            least_others_visits=int(at("least_others_visits")),
            scorecard_weights=tuple(
                (str(name), float(weight)) for name, weight in at("scorecard_weights").items()
            ),
            scorecard_least_evidence=float(at("scorecard_least_evidence")),
            scorecard_full_evidence=float(at("scorecard_full_evidence")),
        ),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RuleError(f"{path}: cannot be read as a site file: {error}") from error
    if not isinstance(values, dict):
        raise RuleError(f"{path}: a site file is a mapping of names to validity rows.")
    return values
