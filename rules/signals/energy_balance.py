from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from rules.batch import TransformerBatch, month_starts

from .registry import Field, SignalValues, absent, signal
from .technical_loss import technical_loss_percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Bools = NDArray[np.bool_]

# A loss must stand in two consecutive months.
BALANCED_MONTHS = 2


@signal(
    name="energy_balance",
    subject="transformer",
    title_en="energy balance of a transformer",
    title_fa="تراز انرژی ترانس",
    fields={
        "non_technical_loss_percent": Field(
            "percent",
            "loss beyond the technical share, the lower of the last two complete months",
            "تلفات غیرفنی، کمترِ دو ماه کامل اخیر",
        ),
        "loss_percent": Field("percent", "all loss, the lower of the two months", "کل تلفات، کمترِ دو ماه"),
        "technical_loss_percent": Field("percent", "technical loss, estimated", "برآورد تلفات فنی"),
        "uncertainty_percent": Field(
            "percent",
            "uncertainty of the non-technical loss (one standard deviation)",
            "عدم قطعیت تلفات غیرفنی (یک انحراف معیار)",
        ),
        "confidence_percent": Field(
            "percent", "probability that more than the technical loss is lost", "احتمال وجود تلفات غیرفنی"
        ),
        "delivered_kwh": Field("kWh", "energy into the transformer in the two months", "انرژی ورودی دو ماه"),
        "billed_kwh": Field(
            "kWh",
            "energy billed to its customers in the two months, with those who are proposed to hang here",
            "انرژی صورتحساب‌شده دو ماه، با مشترکان پیشنهادی این ترانس",
        ),
        "remapped_kwh": Field(
            "kWh",
            "of it billed to customers who are proposed to hang here, less those proposed elsewhere",
            "سهم مشترکان پیشنهادی این ترانس منهای مشترکان پیشنهادی ترانس دیگر",
        ),
        "lost_kwh": Field("kWh", "unexplained energy in the two months", "انرژی بی‌توضیح دو ماه"),
        "feeder_loss_percent": Field(
            "percent",
            "all loss of the balanced transformers of the feeder in the months of the balance",
            "کل تلفات ترانس‌های سنجیده فیدر",
        ),
        "customers": Field("count", "customers at the transformer", "تعداد مشترکان ترانس"),
        "ranked": Field(
            "code",
            "customers who go best with the missing energy, and their correlation with it",
            "مشترکان هم‌سو با انرژی گم‌شده و همبستگی آن‌ها",
        ),
        "since": Field("date", "first day of the two months", "آغاز دو ماه"),
        "until": Field("date", "end of the two months", "پایان دو ماه"),
    },
    formula=(
        "(delivered − billed) / delivered × 100 − technical loss; both of two consecutive months must exceed. Technical loss: "
        "the median of 30 and more balanced transformers within two uncertainties of the site's value, else that value. "
        "Uncertainty: of the technical loss, and of the months' scatter / √2; confidence: the normal probability. Billed "
        "energy of customers who are proposed as mis-mapped counts where they are proposed"
    ),
    missing=(
        "absent where no two consecutive months have the transformer's own reading and bills of enough of its "
        "customers (site value balance_coverage_percent)"
    ),
    source="definition of non-technical loss: losses beyond technical ones; two months running as practice",
    needs=("panel", "transformer_energy"),
)
def energy_balance(batch: TransformerBatch) -> SignalValues:
    rows, months = batch.delivered_kwh.shape
    if months < BALANCED_MONTHS:
        return absent(batch)
    complete = batch.complete
    pair = complete[:, 1:] & complete[:, :-1]
    present = pair.any(axis=1)
    # Column of the later month of the newest complete pair.
    later = months - 1 - np.argmax(pair[:, ::-1], axis=1)
    earlier = np.maximum(later - 1, 0)
    columns = np.stack([earlier, later], axis=1)
    delivered = np.take_along_axis(batch.delivered_kwh, columns, axis=1)
    remapped = np.take_along_axis(batch.moved_kwh, columns, axis=1)
    billed = np.take_along_axis(batch.billed_kwh, columns, axis=1) + remapped
    with np.errstate(invalid="ignore", divide="ignore"):
        loss = np.min((delivered - billed) / delivered, axis=1) * 100.0
    technical = technical_loss_percent(batch)
    lost = (delivered.sum(axis=1) * (1 - technical / 100.0)) - billed.sum(axis=1)
    uncertainty = np.hypot(
        batch.site.technical_loss_uncertainty_percent,
        _scatter_percent(batch, complete) / math.sqrt(BALANCED_MONTHS),
    )
    starts = month_starts(batch.last_month, months)
    return SignalValues(
        present & ~np.isnan(loss),
        {
            "non_technical_loss_percent": loss - technical,
            "loss_percent": loss,
            "technical_loss_percent": np.full(rows, technical),
            "uncertainty_percent": uncertainty,
            "confidence_percent": _normal_percent((loss - technical) / uncertainty),
            "delivered_kwh": delivered.sum(axis=1),
            "billed_kwh": billed.sum(axis=1),
            "remapped_kwh": remapped.sum(axis=1),
            "lost_kwh": np.maximum(lost, 0.0),
            "feeder_loss_percent": _feeder_loss_percent(batch, complete),
            "customers": batch.customers,
            "ranked": np.array(batch.ranked, np.str_),
            "since": starts[earlier].astype(np.int64),
            "until": starts[later + 1].astype(np.int64),
        },
    )


def _scatter_percent(batch: TransformerBatch, complete: Bools) -> Floats:
    """(transformers,) standard deviation of the monthly losses; 0 where fewer than two months are complete."""
    delivered = np.where(complete, batch.delivered_kwh, 1.0)
    share = np.where(complete, (delivered - batch.billed_kwh - batch.moved_kwh) / delivered, 0.0) * 100.0
    count = complete.sum(axis=1)
    mean = share.sum(axis=1) / np.maximum(count, 1)
    squares = np.where(complete, (share - mean[:, None]) ** 2, 0.0).sum(axis=1)
    scatter: Floats = np.sqrt(squares / np.maximum(count - 1, 1))
    return scatter


def _feeder_loss_percent(batch: TransformerBatch, complete: Bools) -> Floats:
    """(transformers,) of the whole feeder, where mappings within it do not matter; of itself where it has none."""
    delivered = np.where(complete, batch.delivered_kwh, 0.0).sum(axis=1)
    billed = np.where(complete, batch.billed_kwh, 0.0).sum(axis=1)
    alone = batch.feeder_id < 0
    key = np.where(alone, -1 - np.arange(len(batch)), batch.feeder_id)
    _, feeder = np.unique(key, return_inverse=True)
    of_feeder, sold = np.bincount(feeder, delivered), np.bincount(feeder, billed)
    with np.errstate(invalid="ignore", divide="ignore"):
        loss: Floats = ((of_feeder - sold) / of_feeder * 100.0)[feeder]
    return loss


def _normal_percent(deviations: Floats) -> Floats:
    return np.array([50.0 * (1.0 + math.erf(one / math.sqrt(2.0))) for one in deviations.tolist()])
