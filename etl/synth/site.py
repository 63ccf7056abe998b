"""The site values of the synthetic utility: the made-up prices by which its bills were made."""

from __future__ import annotations

from typing import Final

import yaml

from etl.synth.billing import STEP_ENDS_KWH, STEP_RATES

SITE_FILE: Final = "site.yaml"


def site_text() -> str:
    """A site file that makes rule B05 judge the synthetic bills."""
    value = {"steps_kwh": list(STEP_ENDS_KWH), "rates_rial": list(STEP_RATES)}
    row = {"valid_from": "1970-01-01", "source": "made up", "unit": "rial/kWh", "value": value}
    text: str = yaml.safe_dump({"step_tariff": [row]}, sort_keys=False)
    return text.replace("'1970-01-01'", "1970-01-01")
