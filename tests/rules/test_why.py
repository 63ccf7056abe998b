"""`why` says for each condition what stands, where its threshold comes from, and what would turn the outcome."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.conditions import OPERATORS, Condition
from rules.facts import compute
from rules.loader import load_catalogue
from rules.reference import fires
from rules.rule import Parameter
from rules.testing.given import batch_of
from rules.why import explain, render_why, why, why_json

CATALOGUE = load_catalogue().rules


def why_of(rule_id, given_values):
    rule = CATALOGUE[rule_id]
    table = compute(batch_of(rule.subject, given_values), [rule])
    return why(table, 0, rule)


def counterfactuals(explained):
    return {
        condition.condition.dotted: condition.counterfactual.en
        for condition in explained.conditions
        if condition.counterfactual is not None
    }


def test_the_only_obstacle_says_what_would_make_the_rule_fire():
    explained = why_of("T02", {"daily_use": "21x10 3x5.7"})
    assert not explained.fires
    assert [one.condition.dotted for one in explained.stopped_by] == ["sudden_drop.drop_percent"]
    assert counterfactuals(explained) == {
        "sudden_drop.drop_percent": "would fire if it were at least 50 %, or if $drop_percent were at most 43 %"
    }


def test_what_lies_beyond_the_bounds_of_the_parameter_is_not_promised():
    explained = why_of("T02", {"daily_use": "21x10 3x9"})
    assert counterfactuals(explained) == {
        "sudden_drop.drop_percent": "would fire if it were at least 50 %; no allowed $drop_percent would do (20 % to 90 %)"
    }


def test_several_obstacles_only_say_what_would_hold():
    explained = why_of(
        "T02", {"daily_use": "21x10 3x5.7", "point": {"seasonal": True, "meter_since": "40 days ago"}}
    )
    assert counterfactuals(explained) == {
        "sudden_drop.drop_percent": "would hold if it were at least 50 %, or if $drop_percent were at most 43 %",
        "seasonal_premises": "would not stop the rule without it",
        "meter_exchange.days_ago": (
            "would not stop the rule if it were more than 75 days, or if $exchange_days were less than 40 days"
        ),
    }


def test_a_suppressor_says_what_would_let_the_rule_fire():
    explained = why_of("T02", {"daily_use": "21x10 3x4", "point": {"seasonal": True}})
    assert counterfactuals(explained) == {"seasonal_premises": "would fire without it"}
    explained = why_of("T02", {"daily_use": "21x10 3x4", "point": {"meter_since": "40 days ago"}})
    assert counterfactuals(explained) == {
        "meter_exchange.days_ago": (
            "would fire if it were more than 75 days, or if $exchange_days were less than 40 days"
        )
    }


def test_a_rule_that_fires_says_what_would_silence_it():
    explained = why_of("T02", {"daily_use": "21x10 3x4"})
    assert explained.fires
    assert counterfactuals(explained) == {
        "sudden_drop.drop_percent": "would not fire if it were less than 50 %",
        "sudden_drop.variation_before": "would not fire if it were more than 0.3",
        "sudden_drop.then_daily_kwh": "would not fire if it were less than 1 kWh a day",
        "history.missing_months": "would not fire if it were more than 3 months",
    }


def test_an_absent_signal_says_when_it_is_absent():
    explained = why_of("T19", {"daily_use": "24x10"})
    (said,) = counterfactuals(explained).values()
    assert said == (
        "nothing is known of it (absent where the point is not cut or removed, or no bill begins after the cut)"
    )


def test_the_threshold_of_the_tariff_class_is_named_as_such():
    bills = [
        {"from": "2025-07-01", "to": "2025-09-01", "payable_rial": 18_000_000, "paid_rial": 0},
        {"from": "2025-09-01", "to": "2025-11-01"},
    ]
    business = why_of("C02", {"point": {"tariff_class": "other"}, "bills": bills})
    threshold = business.conditions[0].threshold
    assert (threshold.value, threshold.origin) == (20_000_000, "tariff_class")
    industry = why_of("C02", {"point": {"tariff_class": "industrial"}, "bills": bills})
    threshold = industry.conditions[0].threshold
    assert (threshold.value, threshold.origin) == (15_000_000, "default")
    assert industry.fires
    assert not business.fires


def test_the_text_in_both_languages():
    explained = why_of("B12", {"daily_use": "24x10", "reading_quality": "22xactual 2xestimated"})
    assert render_why(explained, "en").splitlines() == [
        "B12 Estimated bills in a row: does not fire",
        "  when all of these hold",
        (
            "    ✗ bills without a real reading until now: newest bills in a row that were estimated or found closed,"
            " at least 3"
        ),
        "        is 2",
        "        $least_bills, default; source: domain rule B12 and the legal ground of three periods",
        "        would fire if it were at least 3, or if $least_bills were at most 2",
        "  unless one of these holds",
        "    · supply cut or removed",
        "    · declared vacant",
    ]
    assert render_why(explained, "fa").splitlines() == [
        "B12 برآوردهای پیاپی: فعال نمی‌شود",
        "  وقتی همه این‌ها برقرار باشد",
        "    ✗ قبض‌های پیاپی بدون قرائت واقعی: قبض‌های پیاپی برآوردی یا بسته، دست‌کم ۳",
        "        مقدار: ۲",
        "        $least_bills، پیش‌فرض؛ منبع: domain rule B12 and the legal ground of three periods",
        "        اگر دست‌کم ۳ بود، فعال می‌شد، یا اگر $least_bills حداکثر ۲ بود",
        "  مگر آن‌که یکی از این‌ها برقرار باشد",
        "    · برق قطع یا انشعاب جمع‌آوری شده",
        "    · خالی از سکنه (اعلام‌شده)",
    ]


def test_json_has_all_that_the_text_says():
    data = why_json(why_of("B12", {"daily_use": "24x10", "reading_quality": "22xactual 2xestimated"}))
    assert (data["rule"], data["fires"], data["tariff_class"]) == ("B12", False, "residential")
    assert data["conditions"][0] == {
        "part": "when",
        "signal": "estimated_run",
        "field": "bills",
        "operator": ">=",
        "known": True,
        "value": 2,
        "unit": "count",
        "threshold": 3,
        "parameter": {
            "name": "least_bills",
            "origin": "default",
            "source": "domain rule B12 and the legal ground of three periods",
            "min": 2,
            "max": 12,
        },
        "holds": False,
        "stops": True,
        "text": {
            "en": (
                "bills without a real reading until now: newest bills in a row that were estimated or found closed,"
                " at least 3"
            ),
            "fa": "قبض‌های پیاپی بدون قرائت واقعی: قبض‌های پیاپی برآوردی یا بسته، دست‌کم ۳",
        },
        "counterfactual": {
            "en": "would fire if it were at least 3, or if $least_bills were at most 2",
            "fa": "اگر دست‌کم ۳ بود، فعال می‌شد، یا اگر $least_bills حداکثر ۲ بود",
        },
    }
    assert [condition["stops"] for condition in data["conditions"]] == [True, False, False]


def test_values_are_shown_as_exactly_as_they_are_compared():
    explained = why_of("T02", {"daily_use": "21x10 3x5.0004"})
    assert "is 49.996 %" in render_why(explained, "en")


_signals = st.sampled_from(["history", "meter_exchange"])
_values = st.integers(-3, 8)
_conditions = st.one_of(
    st.builds(
        lambda op, value: Condition("history", "known_months", op, value),
        st.sampled_from(list(OPERATORS)),
        st.one_of(_values, st.just("p")),
    ),
    st.builds(
        lambda op, value: Condition("meter_exchange", "days_ago", op, value),
        st.sampled_from(list(OPERATORS)),
        _values,
    ),
    st.builds(Condition, _signals),
)
_facts = st.fixed_dictionaries(
    {},
    optional={
        "history": st.fixed_dictionaries({}, optional={"known_months": _values}),
        "meter_exchange": st.fixed_dictionaries({}, optional={"days_ago": _values}),
    },
)


@given(
    when=st.lists(_conditions, min_size=1, max_size=3),
    unless=st.lists(_conditions, max_size=2),
    facts=_facts,
)
def test_the_explanation_agrees_with_the_evaluator(make_rule, when, unless, facts):
    rule = make_rule("T01", when, unless, {"p": Parameter("p", "month", 3, 0, 6, "a test", {})})
    explained = explain(rule, facts, None)
    assert explained.fires == fires(rule, facts, None)
    assert explained.fires == (not explained.stopped_by)
    assert render_why(explained, "en")
    assert render_why(explained, "fa")
    for one in explained.conditions:
        assert one.stops == (one.holds != (one.part == "when"))
        assert not (one.stops and one.part == "when" and one.known and one.counterfactual is None)


@given(op=st.sampled_from(list(OPERATORS)), value=_values, least=_values, most=_values, default=_values)
def test_what_is_promised_of_the_parameter_comes_true(make_rule, op, value, least, most, default):
    """Where `why` names a value for the parameter, one exists within the bounds; where it denies one, none does."""
    least, most = min(least, most), max(least, most)
    parameter = Parameter("p", "month", min(max(default, least), most), least, most, "a test", {})
    facts = {"history": {"known_months": value}}

    def rule_of(number):
        moved = Parameter("p", "month", number, least, most, "a test", {})
        return make_rule("T01", [Condition("history", "known_months", op, "p")], (), {"p": moved})

    explained = explain(rule_of(parameter.default), facts, None)
    if explained.fires:
        return
    possible = any(fires(rule_of(least + k / 4), facts, None) for k in range(4 * (most - least) + 1))
    assert ("no allowed" not in explained.conditions[0].counterfactual.en) == possible


def test_all_operators_have_a_true_complement_and_mirror():
    for operator in OPERATORS.values():
        for left in (-1, 0, 1.5):
            for right in (-1, 0, 1.5):
                holds = operator.compare(left, right)
                assert OPERATORS[operator.complement].compare(left, right) != holds
                assert OPERATORS[operator.mirrored].compare(right, left) == holds


@pytest.mark.parametrize("language", ["en", "fa"])
def test_every_rule_can_explain_an_empty_subject(language):
    for rule_id in CATALOGUE:
        text = render_why(why_of(rule_id, {}), language)
        assert text.startswith(rule_id)
        assert "✗" in text
