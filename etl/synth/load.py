"""What customers truly use, kWh a day in each month.

Lognormal levels and a hot-summer season; levels and shapes are plausible inventions, not measurements.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from etl.synth.kinds import Circumstance
from etl.synth.population import AGRICULTURAL, INDUSTRIAL, OTHER, PUBLIC, RESIDENTIAL, Population
from etl.synth.window import FloatArray, IntArray, Window

# Farvardin … Esfand. Cooling runs from Khordad to Shahrivar, with its peak in Tir and Mordad.
_COOLING: Final = np.array([0.0, 0.15, 0.6, 0.95, 1.0, 0.75, 0.25, 0.02, 0.0, 0.0, 0.0, 0.0])
_HEATING: Final = np.array([0.05, 0.0, 0.0, 0.0, 0.0, 0.0, 0.05, 0.3, 0.7, 1.0, 0.8, 0.4])
_IRRIGATION: Final = np.array([0.5, 0.9, 1.0, 1.0, 1.0, 0.8, 0.4, 0.1, 0.05, 0.05, 0.08, 0.2])
# Nowruz in Farvardin, and industry that is asked to stand back in the peak months.
_TRADE: Final = np.array([0.86, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.05])
_INDUSTRY: Final = np.array([0.7, 1.0, 1.0, 0.88, 0.88, 0.97, 1.0, 1.0, 1.0, 1.0, 1.0, 1.02])
_FLAT: Final = np.ones(12)

# By class in the order of `population.CLASSES`: factor by month, least and greatest cooling and heating, noise.
_BY_CLASS: Final = (
    (_FLAT, (0.4, 1.5), (0.05, 0.3), 0.10),
    (_TRADE, (0.3, 1.0), (0.0, 0.2), 0.14),
    (_FLAT, (0.4, 1.2), (0.0, 0.2), 0.10),
    (_IRRIGATION, (0.0, 0.0), (0.0, 0.0), 0.20),
    (_INDUSTRY, (0.0, 0.2), (0.0, 0.1), 0.12),
)
# No service is loaded beyond this share of its contracted power day and night.
_GREATEST_LOAD_FACTOR: Final = 0.85


def base_use(people: Population, rng: np.random.Generator) -> FloatArray:
    """Use (kWh a day) outside the season, (points,)."""
    kw, spread = people.contracted_kw, rng.normal(size=people.points)
    by_class = np.empty((5, people.points))
    by_class[RESIDENTIAL] = 6.5 * (kw / 5.5) ** 0.5 * np.exp(0.42 * spread)
    by_class[OTHER] = 8.0 * (kw / 5.5) ** 0.8 * np.exp(0.6 * spread)
    by_class[PUBLIC] = 0.12 * 24 * kw * np.exp(0.45 * spread)
    by_class[AGRICULTURAL] = 0.5 * 24 * kw * np.exp(0.3 * spread)
    by_class[INDUSTRIAL] = 0.22 * 24 * kw * np.exp(0.45 * spread)
    use = by_class[people.tariff, np.arange(people.points)]
    demand = 0.3 * 24 * kw * np.exp(0.4 * spread)
    return np.where(people.demand & (people.tariff != AGRICULTURAL), demand, use)


def daily_use(people: Population, base: FloatArray, window: Window, rng: np.random.Generator) -> FloatArray:
    """(points, columns): before anybody steals."""
    points, columns = people.points, window.columns
    month = window.month_of_year[:columns] - 1
    use = np.empty((points, columns))
    for code, (factor, cooling, heating, noise) in enumerate(_BY_CLASS):
        rows = np.flatnonzero(people.tariff == code)
        size = (len(rows), 1)
        shape = (
            factor[month]
            + rng.uniform(*cooling, size) * _COOLING[month]
            + rng.uniform(*heating, size) * _HEATING[month]
        )
        use[rows] = base[rows, None] * shape * np.exp(noise * rng.normal(size=(len(rows), columns)))
    # Up to 5 % more or less a year.
    years = np.arange(columns) / 12
    use *= 1 + rng.uniform(-0.05, 0.05, (points, 1)) * years
    _apply_circumstances(use, people, month, rng)
    return np.minimum(use, _GREATEST_LOAD_FACTOR * 24 * people.contracted_kw[:, None])


def _apply_circumstances(
    use: FloatArray, people: Population, month: IntArray, rng: np.random.Generator
) -> None:
    column = np.arange(use.shape[1])
    within = (column >= people.circumstance_from[:, None]) & (column < people.circumstance_to[:, None])

    def scale(kind: Circumstance, factor: FloatArray) -> None:
        """`factor` is (points,) while the circumstance lasts."""
        rows = np.flatnonzero(people.has(kind))
        use[rows] *= np.where(within[rows], factor[rows, None], 1.0)

    points = people.points
    nothing = np.zeros(points)
    # Some vacant homes keep a refrigerator.
    scale(Circumstance.VACANT, np.where(rng.random(points) < 0.6, 0.0, 0.03))
    scale(Circumstance.EMPTY_HOME, nothing)
    scale(Circumstance.CUT_FOR_DEBT, nothing)
    scale(Circumstance.GENERATION, rng.uniform(0.2, 0.5, points))
    scale(Circumstance.NEW_OCCUPANT, np.exp(rng.normal(-0.1, 0.4, points)))
    scale(Circumstance.METER_EXCHANGED, rng.uniform(0.97, 1.08, points))

    rows = np.flatnonzero(people.has(Circumstance.NEW_POINT))
    use[rows] *= within[rows]
    rows = np.flatnonzero(people.has(Circumstance.HONEST_DECLINE))
    use[rows] *= np.linspace(1.0, rng.uniform(0.65, 0.85, len(rows)), use.shape[1], axis=1)

    seasonal = people.has(Circumstance.SEASONAL)
    wells = np.flatnonzero(seasonal & (people.tariff == AGRICULTURAL))
    use[wells] *= _IRRIGATION[month] >= 0.2
    houses = np.flatnonzero(seasonal & (people.tariff != AGRICULTURAL))
    closed = np.where(rng.random((len(houses), 1)) < 0.5, 0.0, 0.05)
    use[houses] *= np.where(_COOLING[month] >= 0.5, 1.0, closed)
