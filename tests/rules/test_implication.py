"""What `implied` and `excluded` say of conditions must be so for every number."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rules.conditions import OPERATORS, Condition
from rules.implication import Interval, allowed, excluded, implied

# With thresholds at whole numbers, whole and half numbers stand for all there are.
_NUMBERS = [value / 2 for value in range(-8, 9)]
_conditions = st.builds(
    Condition,
    st.just("a"),
    st.just("x"),
    st.sampled_from(list(OPERATORS)),
    st.sampled_from([-2, -1, 0, 1, 2, "p"]),
)
_PARAMETERS = {"p": 1.0}


def holds(condition, number):
    return OPERATORS[condition.op].compare(number, condition.threshold(_PARAMETERS))


@given(_conditions, st.lists(_conditions, min_size=1, max_size=3))
def test_implied_is_never_wrong_and_complete_for_one_given(condition, given_conditions):
    numbers = [number for number in _NUMBERS if all(holds(one, number) for one in given_conditions)]
    truth = all(holds(condition, number) for number in numbers)
    said = implied(condition, _PARAMETERS, given_conditions, _PARAMETERS)
    assert truth or not said
    if len(given_conditions) == 1:
        assert said == truth


@given(_conditions, st.lists(_conditions, min_size=1, max_size=3))
def test_excluded_is_never_wrong_and_complete_for_one_given(condition, given_conditions):
    numbers = [number for number in _NUMBERS if all(holds(one, number) for one in given_conditions)]
    truth = not any(holds(condition, number) for number in numbers)
    said = excluded(condition, _PARAMETERS, given_conditions, _PARAMETERS)
    assert truth or not said
    if len(given_conditions) == 1 and "!=" not in (condition.op, given_conditions[0].op):
        assert said == truth


@given(st.lists(_conditions.filter(lambda c: c.op != "!="), min_size=1, max_size=4))
def test_the_allowed_interval_is_that_of_all_conditions(conditions):
    interval = allowed(conditions, "a.x", _PARAMETERS)
    for number in _NUMBERS:
        inside = Interval(number, number).within(interval)
        assert inside == all(holds(one, number) for one in conditions)


def test_presence_follows_from_any_condition_on_the_signal():
    assert implied(Condition("a"), {}, [Condition("a", "x", ">", 1)], {})
    assert not implied(Condition("a"), {}, [Condition("b")], {})
    assert not implied(Condition("a", "x", ">", 1), {}, [Condition("a")], {})
    assert not excluded(Condition("a"), {}, [Condition("b")], {})
