"""What became of findings: visits that saw the meter decide on precision."""

from __future__ import annotations

import pytest

from tarazu import models
from tarazu.models.enums import InspectionOutcome
from tarazu.rule_parameters.outcomes import newest_outcomes
from tarazu.rule_parameters.statistics import rule_statistics, wilson_interval


async def test_visits_count_by_rule_and_district_and_a_closed_door_counts_for_neither_side(office, sessions):
    outcomes = ["theft", "meter_fault", "clean", "no_access", None]
    async with sessions.write() as session:
        session.add_all(
            models.Inspection(
                inspection_no=f"I{n}",
                usage_point_id=office.points[n].id,
                case_id=office.cases[n].id,
                outcome=None if outcome is None else InspectionOutcome(outcome),
            )
            for n, outcome in enumerate(outcomes)
        )
    async with sessions.read() as session:
        rows = {row.district_code: row for row in await rule_statistics(session)}
        assert await rule_statistics(session, "T99") == []
        assert await newest_outcomes(session) == {
            f"S{n}": outcome for n, outcome in enumerate(outcomes) if outcome is not None
        }
    first = rows["D0"]
    assert (first.rule_id, first.cases, first.inspected, first.confirmed) == ("T02", 60, 3, 2)
    assert (first.clean, first.no_access, first.precision) == (1, 1, pytest.approx(2 / 3))
    assert (rows["D1"].cases, rows["D1"].precision, rows["D1"].precision_interval) == (4, None, None)


def test_the_interval_is_wilsons_and_holds_at_the_ends():
    assert wilson_interval(0, 0) is None
    # Newcombe 1998, table I: 81 of 263.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson_interval(20, 20) == pytest.approx((0.8389, 1.0), abs=1e-4)
