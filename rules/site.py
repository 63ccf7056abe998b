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

from rules.batch import TARIFF_CLASSES, day_number
from tarazu.errors import RuleError
from tarazu.text import search_key
from tarazu.yaml_file import SafeLoader

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
class StepTariff:
    """Prices of households from `valid_from` (day number) on; without rates, no price is known from that day."""

    valid_from: int
    steps_kwh: tuple[float, ...]  # ends of the steps, kWh for 30 days
    rates_rial: tuple[float, ...]  # rial/kWh of each step and of what lies above the last


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
class MappingPractice:
    """When a customer is proposed as recorded at the wrong transformer; site values of the same names after `mapping_`."""

    least_months: int = 12
    surplus_percent: float = 3.0
    least_evidence: float = 3.0
    least_margin: float = 3.0


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
    # (least, most) days of ordinary and of demand bills
    billing_period_days: tuple[tuple[int, int], tuple[int, int]] = ((50, 75), (25, 37))
    least_demand_percent: float = 90.0
    least_power_factor: float = 0.9
    vat_percent: tuple[tuple[int, float], ...] = ((0, 10.0),)  # (first day, percent), oldest first
    step_tariff: tuple[StepTariff, ...] = ()  # oldest first
    capital_cost_percent: float = 23.0
    connection_cost_rial: tuple[float, ...] = (6e7, 1.2e8, 1.2e8, 3e8, 1.2e8)  # by TARIFF_CLASSES
    removal_after_cut_days: int = 365
    # Days from the due day to the reminder, from it to the notice of the cut, from it to the order.
    collection_step_days: tuple[int, int, int] = (1, 7, 2)
    reading: ReadingPractice = ReadingPractice()
    technical_loss_uncertainty_percent: float = 1.5
    mapping: MappingPractice = MappingPractice()


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

    def history(name: str) -> list[tuple[int, Any]]:
        at(name)
        return sorted((day_number(row["valid_from"]), row["value"]) for row in values[name])

    prices = at("energy_price_rial_per_kwh")
    connection = at("connection_cost_rial")
    days = at("billing_period_days")
    steps = at("collection_step_days")
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
        billing_period_days=(
            (int(days["ordinary"][0]), int(days["ordinary"][1])),
            (int(days["demand"][0]), int(days["demand"][1])),
        ),
        least_demand_percent=float(at("least_demand_percent")),
        least_power_factor=float(at("least_power_factor")),
        vat_percent=tuple((day, float(value)) for day, value in history("vat_percent")),
        step_tariff=_step_tariffs(history("step_tariff")),
        capital_cost_percent=float(at("capital_cost_percent")),
        connection_cost_rial=tuple(float(connection[name]) for name in TARIFF_CLASSES),
        removal_after_cut_days=int(at("removal_after_cut_days")),
        collection_step_days=(int(steps["due"]), int(steps["reminder"]), int(steps["cut_notice"])),
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
        technical_loss_uncertainty_percent=float(at("technical_loss_uncertainty_percent")),
        mapping=MappingPractice(
            least_months=int(at("mapping_least_months")),
            surplus_percent=float(at("mapping_surplus_percent")),
            least_evidence=float(at("mapping_least_evidence")),
            least_margin=float(at("mapping_least_margin")),
        ),
    )


def _step_tariffs(rows: list[tuple[int, Any]]) -> tuple[StepTariff, ...]:
    """None at all where no row has a table.

    Raises:
        RuleError: the ends of the steps do not rise, or the rates are not one more than they.
    """
    if all(value is None for _, value in rows):
        return ()
    tariffs = []
    for day, value in rows:
        ends = tuple(float(end) for end in value["steps_kwh"]) if value else ()
        rates = tuple(float(rate) for rate in value["rates_rial"]) if value else ()
        if value and (len(rates) != len(ends) + 1 or sorted(set(ends)) != list(ends)):
            raise RuleError(
                "site value 'step_tariff' has a row whose steps and rates do not fit.",
                mend="Give rising ends of the steps, and one rate more than ends.",
            )
        tariffs.append(StepTariff(day, ends, rates))
    return tuple(tariffs)


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=SafeLoader)  # noqa: S506  # a kind of SafeLoader
    except (OSError, yaml.YAMLError) as error:
        raise RuleError(f"{path}: cannot be read as a site file: {error}") from error
    if not isinstance(values, dict):
        raise RuleError(f"{path}: a site file is a mapping of names to validity rows.")
    return values
