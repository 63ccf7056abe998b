"""Why a point stands where it does, in words: contributions of the model, added up by signal, as sentences.

A signal is a prefix of feature names. Its sentence is the first of its phrases whose numbers the point has; the last
phrase of each needs none, so that every ranked point has a reason in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from rules.narrative import Language, render

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAYS_PER_YEAR: Final = 365.25
Shown = tuple[str, str, Callable[[float], float]]


def _same(value: float) -> float:
    return value


def _day(years: float) -> float:
    """Day number of a moment in years."""
    return float(np.rint((years - 1970.0) * _DAYS_PER_YEAR))


def _percent(share: float) -> float:
    return share * 100.0


def _growth(log_ratio: float) -> float:
    """Percent by which a log ratio raises."""
    return float(np.expm1(log_ratio) * 100.0)


def _fall(log_ratio: float) -> float:
    return float(-np.expm1(-abs(log_ratio)) * 100.0)


def _use(log_use: float) -> float:
    return float(np.expm1(log_use))


@dataclass(frozen=True, slots=True)
class Phrase:
    """`shown`: placeholder → (column, unit, conversion). `above`: columns that must be above a value."""

    en: str
    fa: str
    shown: Mapping[str, Shown]
    above: Mapping[str, float]

    def fits(self, row: Mapping[str, float]) -> bool:
        return all(_is_known(row, column) for column, _, _ in self.shown.values()) and all(
            _is_known(row, column) and row[column] > bound for column, bound in self.above.items()
        )

    def text(self, row: Mapping[str, float], language: Language) -> str:
        values = {name: (convert(row[column]), unit) for name, (column, unit, convert) in self.shown.items()}
        return render(self.en if language == "en" else self.fa, values, language)


@dataclass(frozen=True, slots=True)
class Signal:
    """`prefixes` of the features that it is made of; the longest prefix that fits a feature owns it."""

    name: str
    prefixes: tuple[str, ...]
    title_en: str
    title_fa: str
    # How its features are computed and what missing data give, for the reference.
    formula: str
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """`contribution`: log odds that the signal adds to the average point's."""

    signal: str
    contribution: float
    en: str
    fa: str


def _phrase(
    en: str, fa: str, shown: Mapping[str, Shown] | None = None, above: Mapping[str, float] | None = None
) -> Phrase:
    return Phrase(en, fa, shown or {}, above or {})


SIGNALS: Final = (
    Signal(
        "meter_change",
        ("mc_", "ev_"),
        "Change of the meter",
        "تعویض کنتور",
        "A stay is one meter at one point: its first and last bill. A change is every stay but the first, "
        "with the stay before it; it is clean where the new meter's first bill is not before the old one's "
        "last, else two meters are billed in turn. Life of the old meter, gap, last index, bills, ln((mean "
        "use of three bills after + 5) / (of three before + 5)), mean residual of three and of twelve bills "
        "after less before; of the recent change with the longest-serving old meter, of the first and last "
        "clean change, of the last in turn. `ev_`: how often points with such a change (models, half-year, "
        "district, life, index, notes, month) were found out: (hits + 12 base) / (rows + 12), from other "
        "folds only; largest and sum over a point's changes in log odds. No change: missing.",
        (
            _phrase(
                "The meter was changed on about {day} after {life} days of service; use in the year after was {rise} "
                "higher against peers than before.",
                "کنتور حدود {day} پس از {life} کار عوض شد و مصرف سال بعد، در سنجش با هم‌گروه‌ها، {rise} بیشتر از پیش بود.",
                {
                    "day": ("mc_b_start", "date", _day),
                    "life": ("mc_b_life", "count", lambda years: years * _DAYS_PER_YEAR),
                    "rise": ("mc_b_rise_far", "percent", _growth),
                },
                {"mc_b_rise_far": 0.1, "mc_b_clean": 0.5},
            ),
            _phrase(
                "Since about {day} two meters are billed in turn.",
                "از حدود {day} دو کنتور به‌نوبت صورت‌حساب می‌شوند.",
                {"day": ("mc_u_start", "date", _day)},
                {"mc_recent_interleaved": 0.0},
            ),
            _phrase(
                "The meter was changed on about {day}; the old one had been billed for {bills} bills and showed {index}.",
                "کنتور حدود {day} عوض شد؛ کنتور پیشین {bills} صورت‌حساب داشت و شاخص آن {index} بود.",
                {
                    "day": ("mc_b_start", "date", _day),
                    "bills": ("mc_b_p_bills", "count", _same),
                    "index": ("mc_b_p_index_last", "count", _same),
                },
            ),
            _phrase(
                "{meters} meters in the whole history.",
                "{meters} کنتور در همهٔ سابقه.",
                {"meters": ("mh_meters", "count", _same)},
                {"mh_meters": 1.0},
            ),
            _phrase("The meter was not changed lately.", "کنتور به‌تازگی عوض نشده است."),
        ),
    ),
    Signal(
        "model_change",
        ("mm_", "ev_model"),
        "Change of the model code",
        "تغییر کد مدل کنتور",
        "Bills at which the model code differs from that of the bill before on the same meter: count, first "
        "and last day, from and to, life of the meter, residual and use of four bills after less before. "
        "`ev_model`: learnt rates as for changes of the meter. Bills without a model code are left out.",
        (
            _phrase(
                "The model code of the same meter changed from {old} to {new} on about {day}.",
                "کد مدل همان کنتور حدود {day} از {old} به {new} تغییر کرد.",
                {
                    "day": ("mm_last", "date", _day),
                    "old": ("mm_from", "count", _same),
                    "new": ("mm_to", "count", _same),
                },
            ),
            _phrase("The model code of the meter never changed.", "کد مدل کنتور هیچ‌گاه تغییر نکرده است."),
        ),
    ),
    Signal(
        "findings",
        ("fi_",),
        "Findings of rules",
        "یافته‌های قاعده‌ها",
        "One of each rule that has a finding of the point from a scan as of a day before the visit, and their count.",
        (
            _phrase(
                "Rules have {count} findings of it; its cases say which.",
                "قاعده‌ها {count} یافته دربارهٔ آن دارند؛ پرونده‌هایش می‌گویند کدام.",
                {"count": ("fi_count", "count", _same)},
                {"fi_count": 0.0},
            ),
            _phrase("No rule has a finding of it.", "هیچ قاعده‌ای یافته‌ای دربارهٔ آن ندارد."),
        ),
    ),
    Signal(
        "meter_history",
        ("mh_",),
        "The meters of the point",
        "کنتورهای نقطه",
        "Count of meters, models, length of serial numbers, the leading digits of the serial number (series "
        "and year), the day when meters of such numbers were mostly put in (median of the first bills of the "
        "same model, digits and fiftieth of the numbers), index at the first bill. Bills without a known "
        "meter are left out.",
        (
            _phrase(
                "{meters} meters in the whole history, the last since about {day}.",
                "{meters} کنتور در همهٔ سابقه؛ آخرین از حدود {day}.",
                {"meters": ("mh_meters", "count", _same), "day": ("mh_last_start", "date", _day)},
            ),
            _phrase("The meter of the bills is not known.", "کنتورِ صورت‌حساب‌ها معلوم نیست."),
        ),
    ),
    Signal(
        "registers",
        ("ix_",),
        "What the registers showed",
        "شاخص‌های کنتور",
        "Counts and shares of bills whose previous index is below or above the index before on the same "
        "meter, that run backwards, start anew at 0, whose energy is not (current − previous) × multiplier "
        "within 1 kWh, or whose index ends in 0 or 5; first, last and largest index.",
        (
            _phrase(
                "The index ran backwards on {count} bills.",
                "شاخص در {count} صورت‌حساب رو به عقب رفته است.",
                {"count": ("ix_reversed", "count", _same)},
                {"ix_reversed": 0.0},
            ),
            _phrase(
                "The billed energy of {count} bills is not what their indexes say.",
                "انرژی {count} صورت‌حساب با شاخص‌های آن نمی‌خواند.",
                {"count": ("ix_mismatches", "count", _same)},
                {"ix_mismatches": 2.0},
            ),
            _phrase(
                "{percent} of the bills do not begin where the one before ended.",
                "{percent} صورت‌حساب‌ها از جایی که پیشین پایان یافته آغاز نمی‌شوند.",
                {"percent": ("ix_jump_share", "percent", _percent)},
                {"ix_jump_share": 0.05},
            ),
            _phrase(
                "The register stands at {index}.",
                "شاخص کنتور {index} است.",
                {"index": ("ix_last", "count", _same)},
            ),
            _phrase("The register was not read.", "شاخص کنتور خوانده نشده است."),
        ),
    ),
    Signal(
        "readings",
        ("rd_",),
        "How it was read",
        "چگونگی قرائت",
        "Shares of the commonest reading notes and meter states, months a bill spans (mean, deviation, "
        "extremes), days between bills in months less the months billed, shares of long and short bills.",
        (
            _phrase(
                "{count} bills span more than six months.",
                "{count} صورت‌حساب بیش از شش ماه را در بر دارد.",
                {"count": ("rd_long_bills", "count", _same)},
                {"rd_long_bills": 1.0},
            ),
            _phrase(
                "Readers' notes and states of the meter, bill periods of {months} on average.",
                "یادداشت‌های مأمور و وضعیت‌های کنتور، دوره‌های {months} به‌طور میانگین.",
                {"months": ("rd_months_mean", "month", _same)},
            ),
            _phrase("It was hardly ever read.", "کمتر خوانده شده است."),
        ),
    ),
    Signal(
        "fall",
        ("dr_",),
        "Falls and rises of use",
        "افت و خیز مصرف",
        "Over windows of 3, 6 and 12 bills: the largest mean before less mean after, the largest rise, and "
        "how far the last window is below the best; of ln(1 + kWh a month) and of its residual. The break "
        "with the largest t statistic (three bills on each side at least); the same season a year before; "
        "correlation with time. A history shorter than two windows: missing.",
        (
            _phrase(
                "At some time use fell by {fall} against peers for a year and more.",
                "زمانی مصرف در سنجش با هم‌گروه‌ها یک سال و بیشتر {fall} افت کرد.",
                {"fall": ("dr_r_fall_3", "percent", _fall)},
                {"dr_r_fall_3": 0.3},
            ),
            _phrase(
                "Use of the last bills is {fall} below the best level of the point.",
                "مصرف صورت‌حساب‌های آخر {fall} کمتر از بهترین سطح همین نقطه است.",
                {"fall": ("dr_l_below_best_6", "percent", _fall)},
                {"dr_l_below_best_6": 0.2},
            ),
            _phrase("Use kept its level.", "مصرف در یک سطح مانده است."),
        ),
    ),
    Signal(
        "against_peers",
        ("pr_",),
        "Use against peers",
        "مصرف در سنجش با هم‌گروه‌ها",
        "Residual: ln(1 + kWh a month) less the median of the peers' bills that are not zero. Peers are of "
        "the same place, class and commodity in the same quarter; the district's where these have fewer than "
        "30 bills, missing where that has too. Mean, deviation, extremes, first and last windows, share below "
        "−1 and above 1, by quarter of the year.",
        (
            _phrase(
                "Use of the last twelve bills is {percent} above that of peers.",
                "مصرف دوازده صورت‌حساب آخر {percent} بیشتر از هم‌گروه‌هاست.",
                {"percent": ("pr_last_12", "percent", _growth)},
                {"pr_last_12": 0.05},
            ),
            _phrase(
                "Use of the last twelve bills is {percent} below that of peers.",
                "مصرف دوازده صورت‌حساب آخر {percent} کمتر از هم‌گروه‌هاست.",
                {"percent": ("pr_last_12", "percent", _fall)},
            ),
            _phrase(
                "There are too few bills to compare with peers.", "صورت‌حساب برای سنجش با هم‌گروه‌ها کم است."
            ),
        ),
    ),
    Signal(
        "level",
        ("us_",),
        "Level of use and tariff steps",
        "سطح مصرف و پله‌های تعرفه",
        "ln(1 + kWh a month) and kWh a month: mean, median, deviation, extremes, first and last windows; "
        "share of energy in each tariff step, highest step reached, share of bills that reach the third and "
        "fourth.",
        (
            _phrase(
                "Mean use {use} a month; {share} of the bills reach the third tariff step.",
                "میانگین مصرف {use} در ماه؛ {share} صورت‌حساب‌ها به پلهٔ سوم تعرفه می‌رسند.",
                {
                    "use": ("us_use_mean", "kWh", _same),
                    "share": ("us_third_step_share", "percent", _percent),
                },
            ),
            _phrase("Hardly anything was billed.", "کمتر چیزی صورت‌حساب شده است."),
        ),
    ),
    Signal(
        "unsteady",
        ("vr_",),
        "How steady use is",
        "یکنواختی مصرف",
        "Share of zero bills, longest run, deviation by mean (whole and last twelve), mean change from bill "
        "to bill, correlation with the bill before and the third before, share of bills that repeat the one "
        "before.",
        (
            _phrase(
                "{count} bills in a row of zero.",
                "{count} صورت‌حساب پیاپی صفر.",
                {"count": ("vr_zero_run_max", "count", _same)},
                {"vr_zero_run_max": 2.0},
            ),
            _phrase(
                "Use varies by {percent} of its mean.",
                "مصرف به اندازهٔ {percent} میانگین خود نوسان دارد.",
                {"percent": ("vr_cv", "percent", _percent)},
            ),
            _phrase("Too few bills to say how steady use is.", "صورت‌حساب برای سنجش یکنواختی مصرف کم است."),
        ),
    ),
    Signal(
        "gas",
        ("gs_",),
        "Gas of the same agreement",
        "گاز همان قرارداد",
        "Level and residual of gas, quarters in which gas was used but no electricity, difference and "
        "correlation of the residuals of both. No gas: missing.",
        (
            _phrase(
                "In {count} quarters gas was used but no electricity.",
                "در {count} فصل گاز مصرف شده ولی برق نه.",
                {"count": ("gs_zero_with_gas", "count", _same)},
                {"gs_zero_with_gas": 0.0},
            ),
            _phrase(
                "Gas use {use} a month beside the electricity.",
                "در کنار برق، ماهانه {use} گاز مصرف شده است.",
                {"use": ("gs_mean", "count", _use)},
            ),
            _phrase("No gas is billed to the agreement.", "برای این قرارداد گاز صورت‌حساب نمی‌شود."),
        ),
    ),
    Signal(
        "place",
        ("pl_", "co_"),
        "Place, class and series of the meter",
        "محل، گروه تعرفه و سری کنتور",
        "District, place and class as they are. `co_`: how often others of the same place and class, year of "
        "signing, chain of models, series of serial numbers, reading tour (place and day, place, day and "
        "note) and the 15 and 100 nearest serial numbers and days of signing were found out: (hits + 12 base) "
        "/ (rows + 12), from other folds only.",
        (
            _phrase(
                "Losses were found more or less often than on average among points of this place, class or meter series.",
                "در میان نقاط این محل، گروه یا سری کنتور، زیان بیشتر یا کمتر از میانگین یافت شده است.",
            ),
        ),
    ),
    Signal(
        "dates",
        ("tm_",),
        "Length of the history",
        "درازای سابقه",
        "Bills, first and last day, span, longest gap, day of signing. They may tell how data were drawn "
        "rather than who steals; what the ranking is worth without them is measured (`make bench`).",
        (
            _phrase(
                "{bills} bills, the first on about {first}, the last on about {last}.",
                "{bills} صورت‌حساب؛ نخستین حدود {first}، آخرین حدود {last}.",
                {
                    "bills": ("tm_bills", "count", _same),
                    "first": ("tm_first", "date", _day),
                    "last": ("tm_last", "date", _day),
                },
            ),
            _phrase("There is hardly any history.", "سابقه‌ای در دست نیست."),
        ),
    ),
)


def _is_known(row: Mapping[str, float], column: str) -> bool:
    value = row.get(column)
    return value is not None and bool(np.isfinite(value))


def owners(features: tuple[str, ...]) -> NDArray[np.int64]:
    """(features,) the position in `SIGNALS` of the signal that each belongs to.

    Raises:
        ValueError: a feature belongs to none.
    """
    prefixes = sorted(
        ((prefix, i) for i, one in enumerate(SIGNALS) for prefix in one.prefixes),
        key=lambda pair: -len(pair[0]),
    )
    positions = []
    for name in features:
        position = next((i for prefix, i in prefixes if name.startswith(prefix)), None)
        if position is None:
            raise ValueError(f"the feature {name!r} belongs to no signal")
        positions.append(position)
    return np.array(positions, np.int64)


def reasons(
    row: Mapping[str, float], contributions: NDArray[np.float64], owner: NDArray[np.int64], most: int = 3
) -> list[Reason]:
    """The signals that raise the probability most, at least one. `contributions` (features,) in log odds."""
    totals = np.bincount(owner, weights=contributions, minlength=len(SIGNALS))
    order = np.argsort(-totals, kind="stable")
    chosen = [i for i in order[:most] if totals[i] > 0] or [order[0]]
    made = []
    for i in chosen:
        phrase = next(phrase for phrase in SIGNALS[i].phrases if phrase.fits(row))
        made.append(Reason(SIGNALS[i].name, float(totals[i]), phrase.text(row, "en"), phrase.text(row, "fa")))
    return made
