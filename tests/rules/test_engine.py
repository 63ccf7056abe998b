"""durable_rules as it is used here, against the reference evaluator."""

from __future__ import annotations

import subprocess
import sys
import threading

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.conditions import OPERATORS, Condition
from rules.engine import DurableEvaluator, EngineFailedError
from rules.reference import ReferenceEvaluator
from rules.rule import Parameter

_SIGNALS = ("a", "b", "c", "d")
_FIELDS = ("x", "y")
# What a fact may hold: whole numbers up to 64 bits, and floats of four decimals without an exponent.
_values = st.one_of(
    st.sampled_from([-3, -2.5, -0.0001, 0, 0.0, 0.0001, 0.5, 1, 1.0, 2, 2.5, 3, 100, 1e14, -1e14]),
    st.sampled_from([2**53 + 1, 2**62, -(2**62), 6_813_362_865_367]),
    st.integers(-4, 4),
    st.floats(-1e6, 1e6).map(lambda value: round(value, 4)),
)
_thresholds = st.one_of(
    st.sampled_from([-3, -2.5, -0.0001, 0, 0.0001, 0.5, 1, 2, 2.5, 3, 100, 1e14]),
    st.sampled_from([2**53 + 1, 2**62, 6_813_362_865_367]),
    st.integers(-4, 4),
    st.floats(-1e6, 1e6).map(lambda value: round(value, 4)),
)


@st.composite
def _conditions(draw: st.DrawFn) -> Condition:
    signal = draw(st.sampled_from(_SIGNALS))
    if draw(st.integers(0, 4)) == 0:
        return Condition(signal)
    value = draw(st.one_of(_thresholds, st.sampled_from(["p", "q"])))
    return Condition(signal, draw(st.sampled_from(_FIELDS)), draw(st.sampled_from(list(OPERATORS))), value)


_rules = st.lists(
    st.tuples(st.lists(_conditions(), min_size=1, max_size=4), st.lists(_conditions(), max_size=3)),
    min_size=1,
    max_size=8,
)
_facts = st.dictionaries(
    st.sampled_from(_SIGNALS), st.dictionaries(st.sampled_from(_FIELDS), _values, max_size=2), max_size=4
)
_subjects = st.lists(_facts, min_size=12, max_size=12)


@pytest.fixture(scope="session")
def rules_of(make_rule):
    def make(drawn, p=2.5, q=-3):
        parameters = {
            "p": Parameter("p", "factor", p, -10, 10, "a test", {"other": p - 2}),
            "q": Parameter("q", "factor", q, -10, 10, "a test", {}),
        }
        return [make_rule(f"T{i:02}", when, unless, parameters) for i, (when, unless) in enumerate(drawn, 1)]

    return make


@settings(max_examples=200, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])
@given(_rules, _subjects, st.sampled_from([None, "residential", "other"]))
def test_it_fires_what_the_reference_fires(rules_of, drawn, subjects, tariff_class):
    rules = rules_of(drawn)
    engine, reference = DurableEvaluator(rules, tariff_class), ReferenceEvaluator(rules, tariff_class)
    try:
        for facts in subjects:
            assert engine.evaluate(facts) == reference.evaluate(facts), facts
    finally:
        engine.close()


@pytest.fixture
def rules(make_rule):
    return [
        make_rule(
            "T01", [Condition("a", "x", ">", 1), Condition("b", "x", ">", 1)], [Condition("c", "x", ">", 1)]
        ),
        make_rule("T02", [Condition("b", "x", ">", 5)], [Condition("d")]),
    ]


class CutShort:
    """Stands for orjson where the extension stops reading in the middle of a batch, as it does without an error."""

    @staticmethod
    def dumps(batch):
        return orjson.dumps(batch[:-1])


def test_a_batch_that_was_cut_short_is_noticed(rules, monkeypatch):
    engine = DurableEvaluator(rules, None)
    monkeypatch.setattr("rules.engine.orjson", CutShort)
    with pytest.raises(EngineFailedError, match="did not read all facts"):
        engine.evaluate({"a": {"x": 2}, "b": {"x": 2}})
    engine.close()


@pytest.mark.parametrize("left_behind", [{"a": {"x": 2}}, {"a": {"x": 2}, "b": {"x": 9}}, {"c": {"x": 2}}])
def test_a_failed_subject_leaves_nothing_to_the_next(rules, monkeypatch, left_behind):
    engine = DurableEvaluator(rules, None)
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setattr("rules.engine.orjson", CutShort)
            with pytest.raises(EngineFailedError):
                engine.evaluate(left_behind)
        assert engine.evaluate({"a": {"x": 0}, "b": {"x": 2}}) == []
        assert engine.evaluate({"a": {"x": 2}, "b": {"x": 2}}) == ["T01"]
    engine.close()


@pytest.mark.parametrize("unreadable", [2**64, 1e16])
def test_a_number_it_cannot_read_fails_that_subject_alone(rules, unreadable):
    engine = DurableEvaluator(rules, None)
    with pytest.raises(EngineFailedError):
        engine.evaluate({"a": {"x": 2}, "b": {"x": unreadable}})
    assert engine.evaluate({"b": {"x": 6}}) == ["T02"]
    engine.close()


def test_threads_each_with_an_engine_do_not_disturb_each_other(rules):
    subjects = [
        {"a": {"x": i % 3}, "b": {"x": i % 7}, **({"c": {"x": i % 4}} if i % 2 else {})} for i in range(400)
    ]
    expected = [ReferenceEvaluator(rules, None).evaluate(facts) for facts in subjects]
    found: dict[int, list[list[str]]] = {}

    def work(number: int) -> None:
        engine = DurableEvaluator(rules, None)
        found[number] = [engine.evaluate(facts) for facts in subjects]
        engine.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert all(answer == expected for answer in found.values())


def test_one_engine_may_be_shared_by_threads(rules):
    engine = DurableEvaluator(rules, None)
    wrong: list[object] = []

    def work(number: int) -> None:
        for _ in range(200):
            expected = ["T01"] if number else ["T02"]
            answer = engine.evaluate({"a": {"x": 2}, "b": {"x": 2}} if number else {"b": {"x": 9}})
            if answer != expected:
                wrong.append(answer)

    threads = [threading.Thread(target=work, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    engine.close()
    assert wrong == []


def test_what_the_package_cannot_bear_is_refused_at_once(make_rule):
    many = [Condition(f"s{i}", "x", ">", 0) for i in range(17)]
    with pytest.raises(ValueError, match=r"T01 has 17 patterns; the engine bears 16"):
        DurableEvaluator([make_rule("T01", many)], None)
    rules = [make_rule(f"T{i:02}", [Condition("a", "x", ">", i)]) for i in range(64)]
    with pytest.raises(ValueError, match="64 rules test a; the engine bears 63"):
        DurableEvaluator(rules, None)


def test_closing_twice_is_harmless(rules):
    engine = DurableEvaluator(rules, None)
    engine.close()
    engine.close()


_GROWTH = """
import psutil
from rules.engine import DurableEvaluator
from rules.loader import load_catalogue

rules = load_catalogue().active("usage_point")
process = psutil.Process()
facts = {
    "sudden_drop": {"drop_percent": 60.5, "variation_before": 0.1, "then_daily_kwh": 10.0},
    "overdue_debt": {"oldest_days": 400, "overdue_rial": 50_000_000},
    "history": {"known_months": 24, "missing_months": 0},
    "high_low": {"factor": 12.5, "difference_kwh": 900.0},
    "seasonal_premises": {},
}
"""
_SUBJECTS = """
engine = DurableEvaluator(rules, None)
for _ in range(300):
    engine.evaluate(facts)
before = process.memory_info().rss
for i in range(3000):
    facts["overdue_debt"]["oldest_days"] = i
    assert engine.evaluate(facts) == (["C01"] if i > 90 else [])
print(process.memory_info().rss - before)
"""
_ENGINES = """
for _ in range(5):
    DurableEvaluator(rules, None).close()
before = process.memory_info().rss
for _ in range(400):
    engine = DurableEvaluator(rules, None)
    engine.evaluate(facts)
    engine.close()
print(process.memory_info().rss - before)
"""


@pytest.mark.parametrize("work", [_SUBJECTS, _ENGINES], ids=["subjects", "engines"])
def test_memory_does_not_grow_with_subjects_or_closed_engines(work):
    done = subprocess.run([sys.executable, "-c", _GROWTH + work], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= 20 * 2**20
