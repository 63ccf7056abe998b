from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.batch import TARIFF_CLASSES
from rules.conditions import OPERATORS, Condition
from rules.facts import SignalTable, facts_of
from rules.findings import evaluate
from rules.reference import ReferenceEvaluator, fires
from rules.rule import Parameter
from rules.screen import Candidates, screen
from rules.signals import SignalValues
from rules.testing.points import Point, point_batch

_POINTS = 6
_conditions = st.builds(
    lambda signal, field, op, value: Condition(signal, field, op, value) if field else Condition(signal),
    st.sampled_from(["zero_run", "high_low", "supply_cut"]),
    st.sampled_from([None, "x", "x", "x"]),
    st.sampled_from(list(OPERATORS)),
    st.sampled_from([-1, 0, 0.5, 2, "p", "p"]),
)
_rules = st.lists(
    st.tuples(st.lists(_conditions, min_size=1, max_size=3), st.lists(_conditions, max_size=2)),
    min_size=1,
    max_size=5,
)
_column = st.one_of(
    st.lists(
        st.sampled_from([-1.0, 0.0, 0.5, 0.50004, 0.50006, 2.0, 1e17, np.nan, np.inf, -np.inf]),
        min_size=_POINTS,
        max_size=_POINTS,
    ).map(lambda values: np.array(values, np.float64)),
    st.lists(st.integers(-2, 3), min_size=_POINTS, max_size=_POINTS).map(np.array),
)
_signals = st.fixed_dictionaries(
    {
        name: st.builds(
            lambda present, column: SignalValues(np.array(present), {"x": column}),
            st.lists(st.booleans(), min_size=_POINTS, max_size=_POINTS),
            _column,
        )
        for name in ("zero_run", "high_low", "supply_cut")
    }
)
_PARAMETERS = {"p": Parameter("p", "factor", 0.5, -5, 5, "a test", {"industrial": 2, "other": -1})}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=_rules, signals=_signals)
def test_the_screen_never_drops_a_subject_that_a_rule_fires_for(make_rule, site, drawn, signals):
    points = [Point(daily_kwh=[1.0], tariff_class=i % len(TARIFF_CLASSES)) for i in range(_POINTS)]
    batch = point_batch(points, last_month=24311, as_of=20442, site=site)
    table = SignalTable(batch, signals)
    rules = [make_rule(f"T{i:02}", when, unless, _PARAMETERS) for i, (when, unless) in enumerate(drawn)]

    candidates = screen(table, rules)
    passed = {
        (row, rule.id)
        for rule, may_fire in zip(rules, candidates.by_rule, strict=True)
        for row in candidates.rows[may_fire].tolist()
    }
    everybody = Candidates(np.arange(_POINTS), [np.ones(_POINTS, np.bool_)] * len(rules))
    fired = {
        (row, rule.id)
        for row, facts in enumerate(facts_of(table, everybody, rules))
        for rule in rules
        if fires(rule, facts, TARIFF_CLASSES[row % len(TARIFF_CLASSES)])
    }
    assert fired <= passed
    # And what the screen leaves out of the facts changes no answer.
    screened = evaluate(table, candidates, rules, ReferenceEvaluator)
    assert {
        (row, rule_id) for row, ids in zip(candidates.rows.tolist(), screened, strict=True) for rule_id in ids
    } == fired
