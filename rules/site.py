"""What differs from company to company and year to year: prices, technical losses, the company code.

None of it is law or physics, so none of it is in code: `catalogue/site.yaml` holds the defaults, each with unit,
source and validity, and a company lays its own file over them (`TARAZU_SITE_FILE`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from rules.batch import TARIFF_CLASSES
from tarazu.errors import RuleError
from tarazu.text import search_key

DEFAULT_SITE_FILE = Path(__file__).parent / "catalogue" / "site.yaml"


@dataclass(frozen=True, slots=True)
class NoteWord:
    """A word in an inspector's note that tells of a manipulation, and phrases in which it tells of none. Both as
    `tarazu.text.search_key` writes them.
    """

    word: str
    innocent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ElectricalLimits:
    """What counts as load, as a lost voltage and as unequal currents where a meter reports them by phase."""

    nominal_voltage_v: float
    lost_voltage_percent: float
    reference_current_a: float
    load_current_percent: float
    unbalance_load_percent: float
    unbalance_percent: float
    neutral_ratio: float


@dataclass(frozen=True, slots=True)
class Site:
    """Site values in force on one day."""

    energy_price_rial_per_kwh: tuple[float, ...]  # by TARIFF_CLASSES
    technical_loss_percent: float
    balance_coverage_percent: float
    service_type: int
    company_code: int  # -1: not checked
    ordinary_power_factor: float
    note_words: tuple[NoteWord, ...]
    electrical: ElectricalLimits
    closed_irrigation_months: tuple[int, ...]  # of the year, from 1


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
        ordinary_power_factor=float(at("ordinary_power_factor")),
        note_words=tuple(
            NoteWord(search_key(one["word"]), tuple(map(search_key, one.get("innocent", []))))
            for one in at("inspection_note_words")
        ),
        electrical=ElectricalLimits(**{f.name: float(at(f.name)) for f in fields(ElectricalLimits)}),
        closed_irrigation_months=tuple(map(int, at("closed_irrigation_months"))),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RuleError(f"{path}: cannot be read as a site file: {error}") from error
    if not isinstance(values, dict):
        raise RuleError(f"{path}: a site file is a mapping of names to validity rows.")
    return values
