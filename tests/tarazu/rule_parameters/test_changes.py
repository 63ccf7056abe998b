"""Setting parameters: version upon version, with four eyes, and never written anew."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tarazu.errors import InputError, NotFoundError
from tarazu.models import AuditEvent, District
from tarazu.models.enums import Decision, TariffClass
from tarazu.rule_parameters.changes import Change, decide, set_parameter, value_to_roll_back_to
from tarazu.rule_parameters.four_eyes import FourEyesError
from tarazu.rule_parameters.repository import parameter_versions, parameters_in_force
from tarazu.security.permissions import Role
from tarazu.security.principal import ForbiddenError, RowScope

DAY = dt.date(2025, 6, 1)


def change(value=60.0, **others):
    return Change(
        **{
            "rule_id": "T02",
            "parameter": "drop_percent",
            "value": value,
            "least": 20,
            "most": 90,
            "valid_from": DAY,
            "valid_to": None,
            "reason": "too many visits for nothing",
            "needs_approval": False,
            **others,
        }
    )


@pytest.fixture
def manager(principal_of):
    return principal_of(Role.OFFICE_MANAGER)


@pytest.fixture
def second(principal_of):
    return principal_of(Role.ADMINISTRATOR)


@pytest.fixture
async def district(sessions):
    async with sessions.write() as session:
        made = District(code="D1")
        session.add(made)
        await session.flush()
    return made


async def given(sessions, by, *changes):
    async with sessions.write() as session:
        return [await set_parameter(session, by, one) for one in changes]


async def written(sessions, statement, values=None):
    async with sessions.write() as session:
        await session.execute(text(statement), values)


async def in_force(sessions, day=DAY):
    async with sessions.read() as session:
        return {
            (version.tariff_class, version.district_code): version.value
            for version in await parameters_in_force(session, day)
        }


async def test_the_newest_version_of_each_scope_is_in_force(sessions, manager, district):
    made = await given(
        sessions,
        manager,
        change(60),
        change(65),
        change(70, tariff_class=TariffClass.INDUSTRIAL),
        change(75, district_code="D1"),
        change(80, district_code="D1", tariff_class=TariffClass.INDUSTRIAL),
    )
    assert [version.version for version in made] == [1, 2, 1, 1, 1]
    assert await in_force(sessions) == {
        (None, None): 65,
        ("industrial", None): 70,
        (None, "D1"): 75,
        ("industrial", "D1"): 80,
    }


async def test_a_version_holds_from_its_first_day_until_the_day_before_its_end(sessions, manager):
    await given(
        sessions,
        manager,
        change(60),
        change(70, valid_from=dt.date(2025, 7, 1), valid_to=dt.date(2025, 8, 1)),
    )
    found = {
        day.isoformat(): (await in_force(sessions, day)).get((None, None))
        for day in (
            dt.date(2025, 5, 31),
            DAY,
            dt.date(2025, 6, 30),
            dt.date(2025, 7, 1),
            dt.date(2025, 7, 31),
            dt.date(2025, 8, 1),
        )
    }
    assert list(found.values()) == [None, 60, 60, 70, 70, 60]


async def test_what_needs_approval_counts_only_after_another_person_agreed(sessions, manager, second):
    (made,) = await given(sessions, manager, change(needs_approval=True))
    assert made.state == "pending"
    assert await in_force(sessions) == {}
    async with sessions.write() as session:
        with pytest.raises(FourEyesError, match="proposed"):
            await decide(session, manager, made.id, Decision.APPROVED, "I like it")
    async with sessions.write() as session:
        approved = await decide(session, second, made.id, Decision.APPROVED, "agreed")
    assert (approved.state, approved.decided_by) == ("counting", second.name)
    assert await in_force(sessions) == {(None, None): 60}
    async with sessions.write() as session:
        with pytest.raises(FourEyesError, match="waits for no decision"):
            await decide(session, second, made.id, Decision.REJECTED, "no more")


async def test_what_was_rejected_never_counts(sessions, manager, second):
    await given(sessions, manager, change(55))
    (made,) = await given(sessions, manager, change(needs_approval=True))
    async with sessions.write() as session:
        await decide(session, second, made.id, Decision.REJECTED, "too few findings")
    assert await in_force(sessions) == {(None, None): 55}


async def test_the_database_itself_refuses_one_person_for_both(sessions, manager):
    (made,) = await given(sessions, manager, change(needs_approval=True))
    statement = (
        "INSERT INTO rule_parameter_decision (rule_parameter_id, proposed_by_id, decision, reason,"
        " principal_id, principal_name) VALUES (:id, :by, 'approved', 'x', :decider, 'x')"
    )
    for proposer, constraint in ((manager.id, "four_eyes"), ("somebody", "fk_rule_parameter_decision")):
        values = {"id": made.id, "by": proposer, "decider": manager.id}
        with pytest.raises(DBAPIError, match=constraint):
            await written(sessions, statement, values)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rule_parameter SET value = 30",
        "DELETE FROM rule_parameter",
        "TRUNCATE rule_parameter CASCADE",
        "DELETE FROM rule_parameter_decision",
    ],
)
async def test_versions_cannot_be_written_anew(sessions, manager, statement):
    await given(sessions, manager, change())
    with pytest.raises(DBAPIError, match="append-only"):
        await written(sessions, statement)


async def test_the_database_refuses_a_value_outside_the_bounds(sessions):
    statement = (
        "INSERT INTO rule_parameter (rule_id, parameter, version, value, least, most, valid_from,"
        " needs_approval, reason, principal_id, principal_name)"
        " VALUES ('T02', 'p', 1, 'NaN', 20, 90, '2025-01-01', false, 'x', 'x', 'x')"
    )
    with pytest.raises(DBAPIError, match="bounds"):
        await written(sessions, statement)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"value": 10}, "outside 20 … 90"),
        ({"value": float("nan")}, "outside"),
        ({"reason": "  "}, "reason is needed"),
        ({"valid_to": DAY}, "ends before"),
    ],
)
async def test_a_wrong_change_is_refused_with_its_cause(sessions, manager, others, message):
    with pytest.raises(InputError, match=message):
        await given(sessions, manager, dataclasses.replace(change(), **others))


async def test_only_who_manages_rules_sets_them_and_only_in_districts_of_theirs(
    sessions, principal_of, district
):
    with pytest.raises(ForbiddenError):
        await given(sessions, principal_of(Role.ANALYST), change())
    elsewhere = principal_of(Role.OFFICE_MANAGER, RowScope(district_ids=frozenset({district.id + 1})))
    with pytest.raises(ForbiddenError, match="all districts"):
        await given(sessions, elsewhere, change())
    with pytest.raises(NotFoundError):
        await given(sessions, elsewhere, change(district_code="D1"))
    here = principal_of(Role.OFFICE_MANAGER, RowScope(district_ids=frozenset({district.id})))
    await given(sessions, here, change(district_code="D1"))
    assert await in_force(sessions) == {(None, "D1"): 60}


async def test_a_rollback_finds_the_value_before_and_the_file_before_the_first(sessions, manager):
    async def back(version=None):
        async with sessions.write() as session:
            return await value_to_roll_back_to(
                session, "T02", "drop_percent", tariff_class=None, district_code=None, version=version
            )

    with pytest.raises(NotFoundError):
        await back()
    await given(sessions, manager, change(60))
    assert await back() is None
    await given(sessions, manager, change(70), change(80))
    assert (await back(), await back(1), await back(0)) == (70, 60, None)
    await given(sessions, manager, change(None))
    assert await in_force(sessions) == {}
    async with sessions.read() as session:
        assert [v.value for v in await parameter_versions(session, "T02")] == [None, 80, 70, 60]


async def test_each_change_and_each_decision_is_in_the_audit_log(sessions, manager, second):
    (made,) = await given(sessions, manager, change(needs_approval=True))
    async with sessions.write() as session:
        await decide(session, second, made.id, Decision.APPROVED, "agreed")
    async with sessions.read() as session:
        events = list(await session.scalars(select(AuditEvent).order_by(AuditEvent.id)))
    assert [(event.action, event.principal_id, event.subject_id) for event in events] == [
        ("rule_parameter_set", manager.id, "T02"),
        ("rule_parameter_decided", second.id, "T02"),
    ]
    assert events[0].details["value"] == 60
    assert events[1].details["reason"] == "agreed"
