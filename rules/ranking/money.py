"""How much money a visit could recover, where no rule has said it.

The energy of a year that is missing against the best year of the point itself, or against its peers, whichever is
more; a tenth of a year's use at least, for a loss that was there from the first day shows in neither. An estimate
for ordering visits, not a claim.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from rules.batch import TARIFF_CLASSES

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from rules.ranking.history import History
    from rules.site import Site

MONTHS: Final = 12.0
# Engineering defaults: what a loss that leaves no trace may be, and the most that is believed of an estimate.
LEAST_SHARE: Final = 0.1
MOST_KWH_PER_MONTH: Final = 20_000.0


def missing_energy_kwh(table: pl.DataFrame) -> NDArray[np.float64]:
    """(n,) kWh of twelve months. A point without enough bills for a comparison gets the least."""
    level = table["us_last_12"].fill_null(table["us_mean"]).fill_null(0.0).to_numpy().astype(np.float64)
    below_best = _known(table, "dr_l_below_best_12")
    below_peers = -_known(table, "pr_last_12")
    gap = np.clip(np.maximum(below_best, below_peers), 0.0, 3.0)
    use = np.clip(np.expm1(level), 0.0, MOST_KWH_PER_MONTH)
    missing = (use + 1.0) * np.expm1(gap)
    mean = np.clip(_known(table, "us_use_mean"), 0.0, MOST_KWH_PER_MONTH)
    bounded: NDArray[np.float64] = np.clip(missing, LEAST_SHARE * mean, MOST_KWH_PER_MONTH) * MONTHS
    return bounded


def recoverable_rial(history: History, table: pl.DataFrame, site: Site) -> NDArray[np.int64]:
    """(n,) whole rial, by the site's price of unregistered energy of the class."""
    price = dict(zip(TARIFF_CLASSES, site.energy_price_rial_per_kwh, strict=True))
    other = price["other"]
    prices = np.array([price.get(name, other) for name in history.subjects["tariff_class"].to_list()])
    rial: NDArray[np.int64] = np.rint(missing_energy_kwh(table) * prices).astype(np.int64)
    return rial


def _known(table: pl.DataFrame, name: str) -> NDArray[np.float64]:
    return table[name].cast(float).fill_nan(None).fill_null(0.0).to_numpy().astype(np.float64)
