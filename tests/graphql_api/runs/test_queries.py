"""Refused rows counted: who sees them, and what may be asked."""

from __future__ import annotations

from typing import Any

import pytest

from tarazu.security.permissions import Role


async def test_refused_rows_are_counted_by_what_is_asked_for(world: Any, api_both: Any) -> None:
    rows = (
        await api_both.ask(
            "{ quarantineSummary(groupBy: [REASON, COLUMN, IMPORT_RUN]) "
            "{ reason column mapping file entity rowCount importRun { mapping } } }"
        )
    )["quarantineSummary"]
    assert rows == [
        {
            "reason": "check_digit",
            "column": "national_id",
            "mapping": None,
            "file": None,
            "entity": None,
            "rowCount": 5,
            "importRun": {"mapping": "billing_fa"},
        }
    ]


async def test_the_count_is_restricted_by_a_filter(world: Any, api_both: Any) -> None:
    query = (
        "query($file: String!) "
        "{ quarantineSummary(groupBy: [], filter: { file: { eq: $file } }) { rowCount } }"
    )
    assert (await api_both.ask(query, file="a.csv"))["quarantineSummary"] == [{"rowCount": 5}]
    assert (await api_both.ask(query, file="b.csv"))["quarantineSummary"] == [{"rowCount": 0}]


async def test_who_does_not_see_everything_counts_nothing(world: Any, api_both: Any) -> None:
    # A refused row may be of anybody.
    codes = [district.code for district in world.districts]
    local = await api_both.as_(Role.ANALYST, districts=codes)
    answer = await local.ask(
        "{ all: quarantineSummary(groupBy: []) { rowCount } by: quarantineSummary(groupBy: [FILE]) { rowCount } }"
    )
    assert answer == {"all": [{"rowCount": 0}], "by": []}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("groupBy: [FILE, FILE]", "graphql.argument"),
        ("groupBy: [RAW]", "graphql.invalid"),
        ("", "graphql.invalid"),
        ('groupBy: [], filter: { file: { eq: "\\u0000" } }', "graphql.filter"),
    ],
)
async def test_wrong_arguments_are_refused(api_both: Any, given: str, code: str) -> None:
    arguments = f"({given})" if given else ""
    assert await api_both.fail(f"{{ quarantineSummary{arguments} {{ rowCount }} }}") == code


async def test_who_may_not_read_the_quarantine_is_refused(api_both: Any) -> None:
    inspector = await api_both.as_(Role.INSPECTOR)
    assert await inspector.fail("{ quarantineSummary(groupBy: []) { rowCount } }") == "access.forbidden"


async def test_imports_and_scans_are_found_by_how_they_ended(world: Any, api_both: Any) -> None:
    answer = await api_both.ask(
        '{ mine: importRuns(filter: { mapping: { contains: "ling" } }) { totalCount } '
        "  failed: importRuns(filter: { state: { eq: FAILED } }) { totalCount } "
        '  before: scanRuns(filter: { asOf: { lte: "2000-01-01" } }) { totalCount } '
        "  all: scanRuns(filter: { state: { in: [RUNNING, SUCCEEDED, PARTIAL, FAILED] } }) { totalCount } }"
    )
    assert answer == {
        "mine": {"totalCount": 1},
        "failed": {"totalCount": 0},
        "before": {"totalCount": 0},
        "all": {"totalCount": 1},
    }
