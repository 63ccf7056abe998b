"""Why a rule fires or stays silent for one subject: each condition with its value, its threshold and where that comes
from, and what would have to be different.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rules.batch import TARIFF_CLASSES, PointBatch
from rules.conditions import OPERATORS, Condition
from rules.facts import facts_of
from rules.narrative import Language, format_value
from rules.reference import judge
from rules.rule import Parameter, Rule, Text
from rules.screen import Candidates
from rules.signals import all_signals
from rules.standing import unspoken

if TYPE_CHECKING:
    from rules.facts import Facts, SignalTable

Part = Literal["when", "unless"]
# Where a parameter's value was taken from.
Origin = Literal["default", "tariff_class", "overlay", "set", "set_for_tariff_class", "set_for_district"]
_ORIGINS: dict[Origin, Text] = {
    "default": Text("default", "پیش‌فرض"),
    "tariff_class": Text("of the tariff class", "ویژه این تعرفه"),
    "overlay": Text("of the company's overlay", "از فایل تنظیم شرکت"),
    "set": Text("set by the company", "تعیین‌شده شرکت"),
    "set_for_tariff_class": Text("set by the company for the tariff class", "تعیین‌شده شرکت برای این تعرفه"),
    "set_for_district": Text("set by the company for the district", "تعیین‌شده شرکت برای این منطقه"),
}

_PART_TITLES: dict[Part, Text] = {
    "when": Text("when all of these hold", "وقتی همه این‌ها برقرار باشد"),
    "unless": Text("unless one of these holds", "مگر آن‌که یکی از این‌ها برقرار باشد"),
}


@dataclass(frozen=True, slots=True)
class Threshold:
    """The number compared with; `parameter` is None where the rule writes the number itself."""

    value: float
    parameter: Parameter | None
    origin: Origin


@dataclass(frozen=True, slots=True)
class ConditionWhy:
    """How one condition stood, and what would change it.

    `known` is False where the signal or its field is absent. `decides` says that the outcome turns on it alone:
    it is the only obstacle, or the rule fires and this one could stop it.
    """

    part: Part
    condition: Condition
    known: bool
    value: float | None
    unit: str
    threshold: Threshold | None
    holds: bool
    stops: bool
    text: Text
    counterfactual: Text | None


@dataclass(frozen=True, slots=True)
class Why:
    rule: Rule
    tariff_class: str | None
    fires: bool
    conditions: tuple[ConditionWhy, ...]
    unspoken: tuple[Text, ...] = ()  # why a scan says nothing of the subject all the same

    @property
    def stopped_by(self) -> tuple[ConditionWhy, ...]:
        return tuple(condition for condition in self.conditions if condition.stops)


def why(table: SignalTable, row: int, rule: Rule) -> Why:
    """Explain the rule for the subject in `row`; the table must hold all signals of the rule."""
    batch = table.batch
    tariff_class = TARIFF_CLASSES[batch.tariff_class[row]] if isinstance(batch, PointBatch) else None
    (facts,) = facts_of(table, Candidates(np.array([row]), [np.ones(1, np.bool_)]), [rule])
    explained = explain(rule, facts, tariff_class, int(batch.district_id[row]))
    return replace(explained, unspoken=unspoken(batch, row, rule))


def explain(rule: Rule, facts: Facts, tariff_class: str | None, district_id: int | None = None) -> Why:
    """Explain the rule for a subject of which `facts` are known."""
    parameters = rule.parameter_values(tariff_class, district_id)
    parts: list[tuple[Part, Condition]] = [("when", c) for c in rule.when]
    parts += [("unless", c) for c in rule.unless]
    verdicts = [judge(condition, facts, parameters) for _, condition in parts]
    stops = [verdict.holds != (part == "when") for (part, _), verdict in zip(parts, verdicts, strict=True)]
    obstacles = sum(stops)
    explained = []
    for (part, condition), verdict, obstacle in zip(parts, verdicts, stops, strict=True):
        threshold = _threshold(rule, condition, tariff_class, district_id)
        known = verdict.value is not None if condition.field else condition.signal in facts
        explained.append(
            ConditionWhy(
                part=part,
                condition=condition,
                known=known,
                value=verdict.value,
                unit=_unit(condition),
                threshold=threshold,
                holds=verdict.holds,
                stops=obstacle,
                text=_text(condition, threshold),
                counterfactual=_counterfactual(
                    part,
                    condition,
                    verdict.value,
                    threshold,
                    known=known,
                    stops=obstacle,
                    obstacles=obstacles,
                ),
            )
        )
    return Why(rule, tariff_class, not obstacles, tuple(explained))


def render_why(explained: Why, language: Language) -> str:
    """The explanation as lines of text."""
    rule = explained.rule
    outcome = Text("fires", "فعال می‌شود") if explained.fires else Text("does not fire", "فعال نمی‌شود")
    lines = [f"{rule.id} {_in(rule.title, language)}: {_in(outcome, language)}"]
    lines += [f"  {_in(reason, language)}" for reason in explained.unspoken]
    for part, title in _PART_TITLES.items():
        conditions = [condition for condition in explained.conditions if condition.part == part]
        if conditions:
            lines.append(f"  {_in(title, language)}")
        for condition in conditions:
            mark = "✗" if condition.stops else ("✓" if part == "when" else "·")
            lines.append(f"    {mark} {_in(condition.text, language)}")
            lines += [f"        {detail}" for detail in _details(condition, language)]
    return "\n".join(lines)


def why_json(explained: Why) -> dict[str, Any]:
    """The explanation as plain data for JSON."""
    return {
        "rule": explained.rule.id,
        "version": explained.rule.version,
        "tariff_class": explained.tariff_class,
        "fires": explained.fires,
        "unspoken": [_both(reason) for reason in explained.unspoken],
        "conditions": [
            {
                "part": condition.part,
                "signal": condition.condition.signal,
                "field": condition.condition.field,
                "operator": condition.condition.op,
                "known": condition.known,
                "value": condition.value,
                "unit": condition.unit or None,
                "threshold": None if condition.threshold is None else condition.threshold.value,
                "parameter": _parameter_json(condition.threshold),
                "holds": condition.holds,
                "stops": condition.stops,
                "text": _both(condition.text),
                "counterfactual": _both(condition.counterfactual),
            }
            for condition in explained.conditions
        ],
    }


def _threshold(
    rule: Rule, condition: Condition, tariff_class: str | None, district_id: int | None
) -> Threshold | None:
    if condition.value is None:
        return None
    if not isinstance(condition.value, str):
        return Threshold(condition.value, None, "default")
    parameter = rule.parameters[condition.value]
    return Threshold(
        parameter.value(tariff_class, district_id), parameter, _origin(parameter, tariff_class, district_id)
    )


def _origin(parameter: Parameter, tariff_class: str | None, district_id: int | None) -> Origin:
    scope = parameter.scope(tariff_class, district_id)
    if scope[1] is not None:
        return "set_for_district"
    if scope not in parameter.set_for and scope[0] in parameter.overlaid:
        return "overlay"
    if scope[0] is None:
        return "set" if scope in parameter.set_for else "default"
    return "set_for_tariff_class" if scope in parameter.set_for else "tariff_class"


def _unit(condition: Condition) -> str:
    return "" if condition.field is None else all_signals()[condition.signal].fields[condition.field].unit


def _text(condition: Condition, threshold: Threshold | None) -> Text:
    signal = all_signals()[condition.signal]
    if condition.field is None or threshold is None:
        return Text(signal.title_en, signal.title_fa)
    field = signal.fields[condition.field]
    bound = _bound(condition.op or "", threshold.value, field.unit)
    return Text(f"{signal.title_en}: {field.en}, {bound.en}", f"{signal.title_fa}: {field.fa}، {bound.fa}")


def _bound(op: str, value: float, unit: str) -> Text:
    """`at least 50 %`."""
    operator = OPERATORS[op]
    return Text(
        f"{operator.en} {format_value(value, unit, 'en', exact=True)}",
        f"{operator.fa} {format_value(value, unit, 'fa', exact=True)}",
    )


def _counterfactual(
    part: Part,
    condition: Condition,
    value: float | None,
    threshold: Threshold | None,
    *,
    known: bool,
    stops: bool,
    obstacles: int,
) -> Text | None:
    """What would turn the outcome; None where nothing that is known of this condition would."""
    if stops and not known:
        missing = all_signals()[condition.signal].missing
        return Text(f"nothing is known of it ({missing})", "مقداری برای آن نیست")
    if condition.op is None or threshold is None or value is None:
        if not stops or part == "when":
            return None
        if obstacles == 1:
            return Text("would fire without it", "بدون آن فعال می‌شد")
        return Text("would not stop the rule without it", "بدون آن مانع نمی‌شد")
    if obstacles and not stops:
        return None
    # A `when` that fails and an `unless` that does not hold turn where the condition holds, the others where not.
    wanted = condition.op if (part == "when") == stops else OPERATORS[condition.op].complement
    bound = _bound(wanted, threshold.value, _unit(condition))
    if not obstacles:
        return Text(f"would not fire if it were {bound.en}", f"اگر {bound.fa} بود، فعال نمی‌شد")
    turned = _turned(wanted, value, threshold, _unit(condition))
    if obstacles == 1:
        return Text(
            f"would fire if it were {bound.en}{turned.en}", f"اگر {bound.fa} بود، فعال می‌شد{turned.fa}"
        )
    if part == "when":
        return Text(
            f"would hold if it were {bound.en}{turned.en}", f"اگر {bound.fa} بود، برقرار می‌شد{turned.fa}"
        )
    return Text(
        f"would not stop the rule if it were {bound.en}{turned.en}",
        f"اگر {bound.fa} بود، مانع نمی‌شد{turned.fa}",
    )


def _turned(wanted: str, value: float, threshold: Threshold, unit: str) -> Text:
    """The same turned round: the value stays, and the parameter gives way, as far as its bounds allow."""
    parameter = threshold.parameter
    if parameter is None:
        return Text("", "")
    compare, op = OPERATORS[wanted].compare, OPERATORS[wanted].mirrored
    # An inequality that any allowed value meets is met by one of the bounds; an equality also between them.
    if not (
        compare(value, parameter.least)
        or compare(value, parameter.most)
        or (wanted == "==" and parameter.least <= value <= parameter.most)
    ):
        bounds = [format_value(bound, unit, "en") for bound in (parameter.least, parameter.most)]
        return Text(
            f"; no allowed ${parameter.name} would do ({bounds[0]} to {bounds[1]})",
            f"؛ هیچ مقدار مجازی از ${parameter.name} کافی نیست",
        )
    bound = _bound(op, value, unit)
    return Text(f", or if ${parameter.name} were {bound.en}", f"، یا اگر ${parameter.name} {bound.fa} بود")


def _details(condition: ConditionWhy, language: Language) -> list[str]:
    details = []
    if condition.value is not None:
        value = format_value(condition.value, condition.unit, language, exact=True)
        details.append(f"is {value}" if language == "en" else f"مقدار: {value}")
    if condition.threshold is not None and condition.threshold.parameter is not None:
        parameter, origin = condition.threshold.parameter, condition.threshold.origin
        if language == "en":
            details.append(f"${parameter.name}, {_ORIGINS[origin].en}; source: {parameter.source}")
        else:
            details.append(f"${parameter.name}، {_ORIGINS[origin].fa}؛ منبع: {parameter.source}")
    if condition.counterfactual is not None:
        details.append(_in(condition.counterfactual, language))
    return details


def _parameter_json(threshold: Threshold | None) -> dict[str, Any] | None:
    if threshold is None or threshold.parameter is None:
        return None
    parameter = threshold.parameter
    return {
        "name": parameter.name,
        "origin": threshold.origin,
        "source": parameter.source,
        "min": parameter.least,
        "max": parameter.most,
    }


def _in(text: Text, language: Language) -> str:
    return text.en if language == "en" else text.fa


def _both(text: Text | None) -> dict[str, str] | None:
    return None if text is None else {"en": text.en, "fa": text.fa}
