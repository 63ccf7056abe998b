"""What a company sets lies over the rule file's values: by class, by district, the more particular first."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.batch import TARIFF_CLASSES
from rules.conditions import OPERATORS, Condition
from rules.engine import DurableEvaluator
from rules.facts import SignalTable, facts_of
from rules.findings import evaluate, find
from rules.loader import load_catalogue
from rules.parameter_settings import ParameterSetting, rule_with, with_settings
from rules.reference import ReferenceEvaluator, fires
from rules.rule import Parameter
from rules.screen import Candidates, fires_for, screen
from rules.signals import SignalValues
from rules.testing.points import Point, point_batch
from rules.why import why
from tarazu.errors import InputError, RuleError

_SUBJECTS = 12
_conditions = st.builds(
    Condition,
    st.sampled_from(["zero_run", "high_low"]),
    st.just("x"),
    st.sampled_from(list(OPERATORS)),
    st.sampled_from([0, "p", "p", "q"]),
)
_settings = st.lists(
    st.builds(
        ParameterSetting,
        st.just("T02"),
        st.sampled_from(["p", "q"]),
        st.sampled_from([None, "residential", "industrial"]),
        st.sampled_from([None, 1, 2]),
        st.sampled_from([-2.0, 0.0, 1.0, 3.0]),
    ),
    max_size=5,
)
_column = st.lists(
    st.sampled_from([-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 1e16, np.nan]),
    min_size=_SUBJECTS,
    max_size=_SUBJECTS,
)
_signals = st.fixed_dictionaries(
    {
        name: st.builds(
            lambda present, column: SignalValues(np.array(present), {"x": np.array(column)}),
            st.lists(st.booleans(), min_size=_SUBJECTS, max_size=_SUBJECTS),
            _column,
        )
        for name in ("zero_run", "high_low")
    }
)
_PARAMETERS = {
    "p": Parameter("p", "factor", 0.5, -5, 5, "a test", {"industrial": 2, "other": -1}),
    "q": Parameter("q", "factor", 1, -5, 5, "a test", {}),
}


def _naive(name, tariff_class, district_id, given_settings):
    """The most particular value: the newest setting of a scope, the scopes from the narrowest to the widest."""
    at = {s.scope: s.value for s in given_settings if s.parameter == name}
    file = _PARAMETERS[name]
    for value in (
        at.get((tariff_class, district_id)),
        at.get((None, district_id)),
        at.get((tariff_class, None)),
        file.by_tariff_class.get(tariff_class),
        at.get((None, None)),
    ):
        if value is not None:
            return value
    return file.default


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    when=st.lists(_conditions, min_size=1, max_size=2),
    unless=st.lists(_conditions, max_size=2),
    given_settings=_settings,
    signals=_signals,
)
def test_screen_array_form_and_evaluators_agree_on_the_value_of_each_class_and_district(
    make_rule, site, when, unless, given_settings, signals
):
    rule = rule_with(make_rule("T02", when, unless, _PARAMETERS), given_settings)
    points = [
        Point(daily_kwh=[1.0], tariff_class=i % len(TARIFF_CLASSES), district_id=1 + i % 3)
        for i in range(_SUBJECTS)
    ]
    batch = point_batch(points, last_month=24311, as_of=20442, site=site)
    table = SignalTable(batch, signals)
    classes = [TARIFF_CLASSES[code] for code in batch.tariff_class.tolist()]
    districts = batch.district_id.tolist()
    for tariff_class, district in zip(classes, districts, strict=True):
        expected = {name: _naive(name, tariff_class, district, given_settings) for name in _PARAMETERS}
        assert rule.parameter_values(tariff_class, district) == expected
        assert rule.of_district(district).parameter_values(tariff_class) == expected
    everybody = Candidates(np.arange(_SUBJECTS), [np.ones(_SUBJECTS, np.bool_)])
    expected_rows = [
        row
        for row, facts in enumerate(facts_of(table, everybody, [rule]))
        if fires(rule.of_district(districts[row]), facts, classes[row])
    ]
    assert np.flatnonzero(fires_for(table, rule)).tolist() == expected_rows
    candidates = screen(table, [rule])
    fired = evaluate(table, candidates, [rule], ReferenceEvaluator)
    assert [row for row, ids in zip(candidates.rows.tolist(), fired, strict=True) if ids] == expected_rows


@pytest.fixture
def catalogue():
    return load_catalogue()


def test_nothing_set_leaves_the_catalogue_as_it_is_and_what_is_set_changes_its_hash(catalogue):
    assert with_settings(catalogue, []) is catalogue
    one = with_settings(catalogue, [ParameterSetting("T02", "drop_percent", None, None, 60.0)])
    two = with_settings(catalogue, [ParameterSetting("T02", "drop_percent", None, 1, 60.0)])
    assert len({catalogue.hash, one.hash, two.hash}) == 3
    assert catalogue.rules["T02"].parameters["drop_percent"].default == 50


def test_what_is_set_for_a_rule_or_parameter_that_is_gone_is_left_out(catalogue):
    gone = [ParameterSetting("T99", "x", None, None, 1.0), ParameterSetting("T02", "x", None, None, 1.0)]
    assert with_settings(catalogue, gone) is catalogue


def test_a_value_outside_the_bounds_of_the_file_is_refused_by_name(catalogue):
    with pytest.raises(RuleError, match=r"T02 drop_percent: 95 is outside 20 … 90"):
        with_settings(catalogue, [ParameterSetting("T02", "drop_percent", None, None, 95.0)])
    with pytest.raises(InputError, match="no tariff class 'church'"):
        with_settings(catalogue, [ParameterSetting("T02", "drop_percent", "church", None, 60.0)])


@pytest.mark.parametrize("evaluator", [ReferenceEvaluator, DurableEvaluator])
def test_findings_carry_the_value_of_their_district_and_why_says_where_it_comes_from(
    catalogue, site, evaluator
):
    rule = rule_with(
        catalogue.rules["T01"],
        [ParameterSetting("T01", "least_months", "residential", 2, 9.0)],
    )
    # Six months at zero after a year of use, in each of two districts.
    panel = [10.0] * 18 + [0.0] * 6
    batch = point_batch(
        [Point(daily_kwh=panel, district_id=district) for district in (1, 2)],
        last_month=24311,
        as_of=20442,
        site=site,
    )
    found = find(batch, [rule], evaluator).findings
    assert [finding.district_id for finding in found] == [1]
    assert json.loads(found[0].parameters)["least_months"] == rule.parameters["least_months"].default
    from rules.facts import compute

    explained = why(compute(batch, [rule]), 1, rule)
    origins = {c.threshold.parameter.name: c.threshold.origin for c in explained.stopped_by}
    assert origins == {"least_months": "set_for_district"}
