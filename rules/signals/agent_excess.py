"""Signals of a reading agent that count something at visits and ask whether it is more than chance and route explain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .registry import Field, Need, SignalValues, signal
from .significance import evidence, log10_binomial_tail

if TYPE_CHECKING:
    from collections.abc import Callable

    from rules.agent_batch import AgentBatch

# Too few to speak of a share at all; a rule's own parameter asks for more.
_LEAST_VISITS = 20


def _fields(en: str, fa: str) -> dict[str, Field]:
    return {
        "percent": Field("percent", f"share of {en}", f"سهم {fa}"),
        "expected_percent": Field(
            "percent", "share that is expected on the same routes", "سهم مورد انتظار در همان مسیرها"
        ),
        "factor": Field("factor", "how many times the expected", "چند برابر انتظار"),
        "count": Field("count", f"number of {en}", f"تعداد {fa}"),
        "visits": Field("count", "visits at which it could be seen", "تعداد مراجعه‌های سنجیده"),
        "evidence": Field(
            "factor",
            "−log10 of the chance of so many, corrected for the number of agents compared",
            "منفی لگاریتم احتمال تصادف، با تصحیح تعداد مقایسه‌ها",
        ),
        "doubtful_kwh": Field("kWh", "energy of the visits beyond the expected", "انرژی مراجعه‌های مازاد"),
        "since": Field("date", "first visit counted", "نخستین مراجعه"),
        "until": Field("date", "day after the last visit counted", "پایان دوره"),
    }


def _excess(name: str) -> Callable[[AgentBatch], SignalValues]:
    def kernel(batch: AgentBatch) -> SignalValues:
        tally = batch.tallies[name]
        present = (tally.of >= _LEAST_VISITS) & ~np.isnan(tally.expected)
        of = np.maximum(tally.of, 1).astype(np.float64)
        expected = np.where(present, tally.expected, 0.0)
        # Half a visit more on each side: where nobody else ever had one, one is no proof (Krichevsky–Trofimov).
        rate = np.clip((expected + 0.5) / (of + 1.0), 0.0, 1.0)
        tail = log10_binomial_tail(tally.count.astype(np.float64), of, rate)
        share = tally.count / of
        beyond = np.maximum(share - rate, 0.0)
        return SignalValues(
            present,
            {
                "percent": share * 100.0,
                "expected_percent": rate * 100.0,
                "factor": share / rate,
                "count": tally.count,
                "visits": tally.of,
                "evidence": evidence(tail, present),
                "doubtful_kwh": beyond * batch.kwh,
                "since": batch.since.astype(np.int64),
                "until": batch.until.astype(np.int64),
            },
        )

    return kernel


_FORMULA = (
    "binomial test of the count against the expected share (plus half a visit), one-sided; q-values of Benjamini and "
    "Hochberg over all agents compared"
)
_MISSING = "absent below 20 visits at which it could be seen, and where no other agent gives an expectation"
_SOURCE = "review of meter readers (no-read, zero and repeated readings); tests as in the statistics of digit preference"


def _declare(
    name: str, tally: str, en: str, fa: str, title_en: str, title_fa: str, needs: tuple[Need, ...]
) -> None:
    signal(
        name=name,
        subject="reading_agent",
        title_en=title_en,
        title_fa=title_fa,
        fields=_fields(en, fa),
        formula=_FORMULA,
        missing=_MISSING,
        source=_SOURCE,
        needs=needs,
    )(_excess(tally))


_declare(
    "round_readings",
    "round_consumption",
    "consumptions that are multiples of ten",
    "مصرف‌های مضرب ده",
    "round consumptions",
    "مصرف‌های رُند",
    ("visits",),
)
_declare(
    "step_heaping",
    "step_consumption",
    "consumptions exactly at a step limit, among those within 5 kWh of it",
    "مصرف‌های درست روی مرز پله، از میان مصرف‌های نزدیک به آن",
    "consumptions heaped at step limits",
    "انباشت مصرف روی مرز پله‌ها",
    ("visits",),
)
_declare(
    "same_registers",
    "same_register",
    "registers that equal another customer's of the route and month",
    "شماره‌های برابر با مشترک دیگر همان مسیر و ماه",
    "one register read at two customers",
    "شماره یکسان برای دو مشترک",
    ("visits", "visit_routes"),
)
_declare(
    "repeated_consumptions",
    "same_consumption",
    "consumptions equal to the two before at the same customer",
    "مصرف‌های برابر با دو نوبت پیش همان مشترک",
    "one consumption again and again",
    "تکرار یک مصرف برای یک مشترک",
    ("visits",),
)
_declare(
    "not_read_visits",
    "not_read",
    "visits without a reading",
    "مراجعه‌های بدون قرائت",
    "meters not read",
    "کنتورهای قرائت‌نشده",
    ("visits", "visit_results"),
)
_declare(
    "zero_readings",
    "zero_consumption",
    "readings that equal the one before",
    "قرائت‌های بدون مصرف",
    "zero consumptions",
    "مصرف‌های صفر",
    ("visits",),
)
_declare(
    "reading_corrections",
    "corrected",
    "readings that had to be corrected",
    "قرائت‌های اصلاح‌شده",
    "corrected readings",
    "اصلاح قرائت‌ها",
    ("visits", "visit_corrections"),
)
_declare(
    "irregular_visits",
    "irregular",
    "readings out of the route's order or at night",
    "قرائت‌های خارج از ترتیب مسیر یا در شب",
    "order and time of readings",
    "ترتیب و زمان قرائت",
    ("visits", "visit_times"),
)
_declare(
    "photo_mismatch",
    "photo_mismatch",
    "readings other than the photo shows",
    "قرائت‌های مغایر با عکس",
    "reading against photo",
    "مغایرت قرائت با عکس",
    ("visits", "visit_photos"),
)
_declare(
    "distant_readings",
    "far_away",
    "readings taken far from the service point",
    "قرائت‌های دور از محل انشعاب",
    "readings taken elsewhere",
    "قرائت دور از محل",
    ("visits", "visit_positions"),
)
