"""No rule may accuse a clean customer, and the baseline must notice when one does."""

from __future__ import annotations

import pytest

from rules.loader import CATALOGUE_DIRECTORY
from rules.testing.innocent import run_innocents
from tarazu.errors import RuleError

BASELINE = """innocents:
  - name: a household that saves a fifth
    subject: usage_point
    given: {daily_use: "12x10 12x8"}
  - name: a household that halves its use
    subject: usage_point
    like: a household that saves a fifth
    given: {daily_use: "21x10 3x4.9"}
"""


@pytest.fixture
def folder(catalogue_of):
    made = catalogue_of("T02")
    (made.path / "innocents.yaml").write_text(BASELINE, encoding="utf-8")
    return made


def said(folder):
    return {result.name: (result.accused, result.stale) for result in run_innocents(folder.path)}


def test_no_rule_accuses_a_clean_customer_but_by_a_reasoned_exception():
    results = run_innocents(CATALOGUE_DIRECTORY)
    assert [(r.place, r.name, r.accused, r.stale) for r in results if not r.passed] == []
    assert len(results) >= 25
    assert all(result.judged for result in results)


def test_who_is_accused_is_told_unless_an_exception_says_why(folder):
    assert said(folder) == {
        "a household that saves a fifth": ((), ()),
        "a household that halves its use": (("T02",), ()),
    }
    folder.edit(
        "innocents.yaml", '3x4.9"}\n', '3x4.9"}\n    excepted: {T02: nobody told that two sons moved out}\n'
    )
    assert said(folder)["a household that halves its use"] == ((), ())
    folder.edit("innocents.yaml", "3x4.9", "3x9")
    assert said(folder)["a household that halves its use"] == ((), ("T02",))


def test_only_rules_that_open_cases_have_to_leave_them_alone(folder):
    folder.edit("T02.yaml", "status: stable", "status: shadow")
    with pytest.raises(RuleError, match=r"T02 has changed since it was written to rules\.lock"):
        run_innocents(folder.path)
    (folder.path / "rules.lock").unlink()
    from rules.loader import load_rule
    from rules.versions import raise_versions, write_lock

    rule = load_rule(folder.path / "T02.yaml")
    write_lock(folder.path, raise_versions({}, {"T02": rule.content_hash}))
    assert said(folder)["a household that halves its use"] == ((), ())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            '"21x10 3x4.9"',
            '"21x10 3x"',
            r"innocents\.yaml:5: a household that halves its use: '3x' is no part",
        ),
        ("halves its use", "saves a fifth", "the name 'a household that saves a fifth' is given twice"),
        ("like: a household that saves a fifth", "like: a castle", "there is no earlier 'a castle'"),
        (
            'given: {daily_use: "21x10 3x4.9"}',
            "given: {castle: 1}",
            r"given\.castle: 'castle' is not known here",
        ),
    ],
)
def test_a_faulty_baseline_is_refused_with_its_line(folder, old, new, message):
    folder.edit("innocents.yaml", old, new)
    with pytest.raises(RuleError, match=message):
        run_innocents(folder.path)
