"""What of the loss behind transformers is technical, estimated from all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from rules.batch import TransformerBatch

# Fewer transformers say less than the site's own value.
LEAST_TRANSFORMERS = 30
# The estimate stays within so many uncertainties of the site's value: where most steal, theft must not pass for heat.
_MOST_UNCERTAINTIES = 2.0


def technical_loss_percent(batch: TransformerBatch) -> float:
    """The median loss of all balanced transformers over their complete months: thieves are fewer than half.

    The site's value where fewer than `LEAST_TRANSFORMERS` are balanced, and never further from it than two of its
    uncertainties (`technical_loss_uncertainty_percent`).
    """
    given, uncertainty = batch.site.technical_loss_percent, batch.site.technical_loss_uncertainty_percent
    delivered = np.where(batch.complete, batch.delivered_kwh, 0.0).sum(axis=1)
    billed = np.where(batch.complete, batch.billed_kwh, 0.0).sum(axis=1)
    balanced = delivered > 0
    if int(balanced.sum()) < LEAST_TRANSFORMERS:
        return given
    usual = float(np.median((delivered[balanced] - billed[balanced]) / delivered[balanced])) * 100.0
    reach = _MOST_UNCERTAINTIES * uncertainty
    return min(max(usual, given - reach), given + reach)
