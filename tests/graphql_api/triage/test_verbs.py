"""Each verb does what it says, to those who may, on cases in scope, in the version they saw."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select

from graphql_api.ids import encode_id
from tarazu import models
from tarazu.models.enums import CaseState, DismissReason, InspectionOutcome, Sector
from tarazu.security.permissions import Role
from tarazu.security.principal import RowScope

TODAY = dt.datetime.now().astimezone().date().isoformat()


def of(case: Any, version: int = 1) -> dict[str, Any]:
    return {"caseId": encode_id("Case", str(case.id)), "expectedVersion": version}


async def order(clerk: Any, case: Any, version: int = 1) -> dict[str, Any]:
    """The ordered visit."""
    answer = await clerk.do("orderInspection", **of(case, version))
    assert answer["__typename"] == "OrderPayload", answer
    return answer["inspection"]


async def test_a_case_is_assigned_and_given_back(clerk: Any, office: Any, entries: Any) -> None:
    answer = await clerk.do("assignCase", **of(office.cases[0]), assignee=" زهرا ")
    assert answer["case"] | {"caseNo": 0} == {
        "id": of(office.cases[0])["caseId"],
        "caseNo": 0,
        "state": "OPEN",
        "version": 2,
        "assignee": "زهرا",
        "closedAt": None,
        "closedReason": None,
    }
    answer = await clerk.do("assignCase", **of(office.cases[0], 2), assignee=None)
    assert (answer["case"]["assignee"], answer["case"]["version"]) == (None, 3)
    assert [(entry.action, entry.details["version"]) for entry in entries] == [
        ("case.assign", 2),
        ("case.assign", 3),
    ]
    assert {entry.subject_id for entry in entries} == {str(office.cases[0].id)}
    assert all(entry.principal is clerk.principal and entry.request_id for entry in entries)


async def test_a_comment_is_kept_with_its_author(clerk: Any, office: Any, entries: Any) -> None:
    answer = await clerk.do("commentCase", caseId=of(office.cases[0])["caseId"], text="خط اول\nsecond")
    assert answer["comment"]["text"] == "خط اول\nsecond"
    assert answer["comment"]["author"] == clerk.principal.name
    assert answer["case"]["version"] == 2
    async with office.sessions.read() as session:
        (kept,) = await session.scalars(select(models.CaseComment))
    assert (kept.case_id, kept.principal_id) == (office.cases[0].id, clerk.principal.id)
    # What people write stays out of the log.
    assert "second" not in str([entry.details for entry in entries])


async def test_a_dismissed_case_says_why(clerk: Any, office: Any) -> None:
    await clerk.do("startCaseReview", **of(office.cases[0]))
    answer = await clerk.do(
        "dismissCase", **of(office.cases[0], 2), reason="INNOCENT_CAUSE", text="خانه خالی"
    )
    assert (answer["case"]["state"], answer["case"]["closedReason"]) == ("DISMISSED", "خانه خالی")
    assert answer["case"]["closedAt"] is not None
    assert (await office.case(office.cases[0])).dismiss_reason is DismissReason.INNOCENT_CAUSE
    answer = await clerk.do("dismissCase", **of(office.cases[1]), reason="OTHER", text=" ")
    assert (answer["code"], answer["field"]) == ("cases.input", "text")


async def test_a_reopened_case_is_in_review_and_says_why(clerk: Any, office: Any) -> None:
    await clerk.do("dismissCase", **of(office.cases[0]), reason="DATA_ERROR")
    answer = await clerk.do("reopenCase", **of(office.cases[0], 2), reason="داده تازه")
    assert answer["case"] | {"id": "", "caseNo": 0} == {
        "id": "",
        "caseNo": 0,
        "state": "IN_REVIEW",
        "version": 3,
        "assignee": None,
        "closedAt": None,
        "closedReason": None,
    }
    case = await office.case(office.cases[0])
    assert case.dismiss_reason is None
    async with office.sessions.read() as session:
        assert (await session.scalars(select(models.CaseComment.text))).all() == ["داده تازه"]


async def test_a_case_is_not_reopened_beside_a_live_one_of_its_subject_and_family(
    clerk: Any, office: Any
) -> None:
    await clerk.do("dismissCase", **of(office.cases[0]), reason="DATA_ERROR")
    async with office.sessions.write() as session:
        point = await session.get(models.UsagePoint, office.points[0].id)
        session.add(office.new_case(point, 7777))
    answer = await clerk.do("reopenCase", **of(office.cases[0], 2), reason="again")
    assert (answer["__typename"], answer["state"]) == ("InvalidTransitionError", "DISMISSED")
    assert (await office.case(office.cases[0])).version == 2


async def test_a_visit_that_finds_something_confirms_its_case(clerk: Any, office: Any, entries: Any) -> None:
    for case, outcome in zip(office.cases, ("THEFT", "METER_FAULT", "BILLING_ERROR"), strict=False):
        visit = await order(clerk, case)
        assert (visit["orderedOn"], visit["outcome"]) == (TODAY, None)
        entries.clear()
        answer = await clerk.do(
            "recordInspectionOutcome",
            inspectionId=visit["id"],
            outcome=outcome,
            inspectedOn=TODAY,
            unregisteredEnergyKwh=1200.5,
            note="انشعاب پیش از کنتور",
            measurements=[
                {"quantity": "VOLTAGE_V", "phase": 1, "value": 228.5},
                {"quantity": "CURRENT_A", "phase": 1, "value": 31.0},
                {"quantity": "CURRENT_A", "phase": 2, "value": 0.25},
                {"quantity": "METER_ERROR_PERCENT", "value": -38.2},
            ],
            sealNumbers=["A-1", "A-2", "A-1"],
            inspectorName="بازرس",
            expectedCaseVersion=2,
        )
        assert answer["case"]["state"] == "CONFIRMED"
        assert answer["case"]["closedReason"] == f"inspection {visit['inspectionNo']}: {outcome.lower()}"
        assert (answer["inspection"]["outcome"], answer["nextInspection"]) == (outcome, None)
        assert [entry.action for entry in entries] == ["inspection.record", "case.record_found"]
    async with office.sessions.read() as session:
        values = await session.scalars(
            select(models.InspectionMeasurement).order_by(
                models.InspectionMeasurement.inspection_id,
                models.InspectionMeasurement.quantity,
                models.InspectionMeasurement.phase,
            )
        )
        kept = [(row.quantity.value, row.phase, row.value) for row in values]
        seals = (await session.scalars(select(models.InspectionSeal.seal_no))).all()
    assert kept[:4] == [
        ("current_a", 1, 31.0),
        ("current_a", 2, 0.25),
        ("meter_error_percent", 0, -38.2),
        ("voltage_v", 1, 228.5),
    ]
    assert sorted(seals) == sorted(["A-1", "A-2"] * 3)


async def test_a_clean_visit_dismisses_its_case_and_stays_on_record(clerk: Any, office: Any) -> None:
    visit = await order(clerk, office.cases[0])
    answer = await clerk.do(
        "recordInspectionOutcome", inspectionId=visit["id"], outcome="CLEAN", inspectedOn=TODAY
    )
    assert answer["case"]["state"] == "DISMISSED"
    assert (await office.case(office.cases[0])).dismiss_reason is DismissReason.INSPECTED_CLEAN
    again = await clerk.do(
        "recordInspectionOutcome", inspectionId=visit["id"], outcome="THEFT", inspectedOn=TODAY
    )
    assert again["__typename"] == "InvalidTransitionError"
    async with office.sessions.read() as session:
        assert (await session.scalars(select(models.Inspection.outcome))).all() == [InspectionOutcome.CLEAN]


async def test_without_access_the_case_waits_for_another_visit(clerk: Any, office: Any) -> None:
    visit = await order(clerk, office.cases[0])
    answer = await clerk.do(
        "recordInspectionOutcome", inspectionId=visit["id"], outcome="NO_ACCESS", inspectedOn=TODAY
    )
    assert answer["case"]["state"] == "INSPECTION_ORDERED"
    following = answer["nextInspection"]
    assert following["outcome"] is None
    assert following["inspectionNo"] != visit["inspectionNo"]
    answer = await clerk.do(
        "recordInspectionOutcome", inspectionId=following["id"], outcome="THEFT", inspectedOn=TODAY
    )
    assert answer["case"]["state"] == "CONFIRMED"


@pytest.mark.parametrize(
    ("outcome", "state"), [("THEFT", "CONFIRMED"), ("CLEAN", "DISMISSED"), ("NO_ACCESS", "DISMISSED")]
)
async def test_the_result_of_a_visit_that_was_withdrawn_is_kept(
    clerk: Any, office: Any, outcome: str, state: str
) -> None:
    visit = await order(clerk, office.cases[0])
    await clerk.do("dismissCase", **of(office.cases[0], 2), reason="NOT_WORTHWHILE")
    async with office.sessions.read() as session:
        (ordered,) = await session.scalars(select(models.Inspection))
        assert ordered.withdrawn_on is not None
    answer = await clerk.do(
        "recordInspectionOutcome", inspectionId=visit["id"], outcome=outcome, inspectedOn=TODAY
    )
    assert (answer["case"]["state"], answer["inspection"]["outcome"]) == (state, outcome)
    assert answer["nextInspection"] is None
    reason = (await office.case(office.cases[0])).dismiss_reason
    assert reason is (None if state == "CONFIRMED" else DismissReason.NOT_WORTHWHILE)


async def test_a_visit_is_refused_what_cannot_be(clerk: Any, office: Any) -> None:
    visit = await order(clerk, office.cases[0])
    base = {"inspectionId": visit["id"], "outcome": "CLEAN", "inspectedOn": TODAY}
    tomorrow = (dt.date.fromisoformat(TODAY) + dt.timedelta(1)).isoformat()
    twice = [{"quantity": "VOLTAGE_V", "value": 1.0}] * 2
    for wrong, field in (
        ({"inspectedOn": tomorrow}, "inspectedOn"),
        ({"inspectedOn": "2020-01-01"}, "inspectedOn"),
        ({"unregisteredEnergyKwh": 5.0}, "unregisteredEnergyKwh"),
        ({"outcome": "THEFT", "unregisteredEnergyKwh": -1.0}, "unregisteredEnergyKwh"),
        ({"measurements": twice}, "measurements"),
        ({"measurements": [{"quantity": "VOLTAGE_V", "value": 1.0, "phase": 4}]}, "measurements"),
        ({"measurements": [{"quantity": "VOLTAGE_V", "value": 1e13}]}, "measurements"),
        ({"outcome": "NO_ACCESS", "measurements": twice[:1]}, "measurements"),
        ({"measurements": [{"quantity": "VOLTAGE_V", "value": 1.0}] * 51}, "measurements"),
        ({"sealNumbers": ["x"] * 21}, "sealNumbers"),
        ({"sealNumbers": [""]}, "sealNumbers"),
        ({"note": "a\0b"}, "note"),
        ({"inspectorName": "x" * 101}, "inspectorName"),
        ({"inspectionId": of(office.cases[0])["caseId"]}, "inspectionId"),
    ):
        answer = await clerk.do("recordInspectionOutcome", **(base | wrong))
        assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", field), wrong
    async with office.sessions.read() as session:
        assert await session.scalar(select(models.Inspection.outcome)) is None
        assert (await session.scalars(select(models.InspectionMeasurement))).all() == []


async def test_a_visit_needs_a_place_of_the_cases_subject(clerk: Any, office: Any) -> None:
    def point(n: int) -> dict[str, str]:
        return {"usagePointId": encode_id("UsagePoint", str(office.points[n].id))}

    for case, right, wrong in (
        (office.case_of_customer, 0, 1),
        (office.case_of_transformer, 5, 60),
        (office.cases[0], 0, 1),
    ):
        answer = await clerk.do("orderInspection", **of(case), **point(wrong))
        assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", "usagePointId")
        if case is not office.cases[0]:
            answer = await clerk.do("orderInspection", **of(case))
            assert (answer["__typename"], answer.get("field")) == ("InvalidInputError", "usagePointId")
        answer = await clerk.do("orderInspection", **of(case), **point(right))
        assert answer["__typename"] == "OrderPayload", answer


async def test_links_are_seen_from_both_sides_and_made_once(clerk: Any, office: Any, entries: Any) -> None:
    one, two = office.cases[:2]
    ids = {"caseId": of(one)["caseId"], "otherCaseId": of(two)["caseId"]}
    answer = await clerk.do("linkCases", **ids, kind="SAME_SITE")
    assert (answer["case"]["version"], answer["otherCase"]["version"]) == (2, 2)
    assert {entry.subject_id for entry in entries} == {str(one.id), str(two.id)}
    async with office.sessions.read() as session:
        seen = {(row.case_id, row.other_case_id) for row in await session.scalars(select(models.CaseLink))}
    assert seen == {(one.id, two.id), (two.id, one.id)}
    mirrored = {"caseId": ids["otherCaseId"], "otherCaseId": ids["caseId"]}
    assert (await clerk.do("linkCases", **mirrored, kind="SAME_SITE"))["__typename"] == "InvalidInputError"
    assert (await clerk.do("linkCases", **mirrored, kind="RELATED"))["__typename"] == "LinkPayload"
    itself = {"caseId": ids["caseId"], "otherCaseId": ids["caseId"]}
    assert (await clerk.do("linkCases", **itself, kind="RELATED"))["field"] == "otherCaseId"
    stale = await clerk.do("linkCases", **ids, kind="SAME_LOSS", otherExpectedVersion=1)
    assert (stale["__typename"], stale["currentVersion"]) == ("ConflictError", 3)


def into(case: Any, version: int = 1) -> dict[str, Any]:
    given = of(case, version)
    return {"intoCaseId": given["caseId"], "intoExpectedVersion": given["expectedVersion"]}


async def test_a_merged_case_keeps_all_that_hangs_on_it_and_is_found_from_the_other(
    clerk: Any, office: Any, entries: Any
) -> None:
    first, second, third = office.cases[:3]
    await clerk.do("commentCase", caseId=of(first)["caseId"], text="seen")
    visit = await order(clerk, first, 2)
    entries.clear()
    answer = await clerk.do("mergeCase", **of(first, 3), **into(second))
    assert (answer["case"]["state"], answer["intoCase"]["state"]) == ("MERGED", "OPEN")
    assert (answer["case"]["version"], answer["intoCase"]["version"]) == (4, 2)
    assert [(entry.action, entry.subject_id) for entry in entries] == [
        ("case.merge", str(first.id)),
        ("case.take_in", str(second.id)),
    ]
    # Merging on leaves one step to the case that people work on.
    assert (await clerk.do("mergeCase", **of(second, 2), **into(third)))["__typename"] == "MergePayload"
    async with office.sessions.read() as session:
        merged = select(models.Case.id).where(models.Case.merged_into_id == third.id)
        assert set(await session.scalars(merged)) == {first.id, second.id}
        for table in (models.Finding, models.CaseComment, models.Inspection):
            assert (await session.scalars(select(table).where(table.case_id == first.id))).all(), table
        (withdrawn,) = await session.scalars(select(models.Inspection))
        assert withdrawn.withdrawn_on is not None
    # A merged case is closed to all but words, links, results and being reopened.
    refused = await clerk.do("assignCase", **of(first, 5), assignee="x")
    assert (refused["__typename"], refused["state"]) == ("InvalidTransitionError", "MERGED")
    result = await clerk.do(
        "recordInspectionOutcome", inspectionId=visit["id"], outcome="THEFT", inspectedOn=TODAY
    )
    assert (result["case"]["state"], result["inspection"]["outcome"]) == ("MERGED", "THEFT")
    reopened = await clerk.do("reopenCase", **of(first, 6), reason="two losses")
    assert reopened["case"]["state"] == "IN_REVIEW"
    assert (await office.case(first)).merged_into_id is None


async def test_merging_into_a_closed_case_or_itself_is_refused(clerk: Any, office: Any) -> None:
    first, second = office.cases[:2]
    await clerk.do("dismissCase", **of(second), reason="DATA_ERROR")
    answer = await clerk.do("mergeCase", **of(first), **into(second, 2))
    assert (answer["__typename"], answer["state"]) == ("InvalidTransitionError", "DISMISSED")
    answer = await clerk.do("mergeCase", **of(first), **into(first))
    assert (answer["__typename"], answer["field"]) == ("InvalidInputError", "intoCaseId")
    assert (await office.case(first)).state is CaseState.OPEN


def changes(case: Any, other: Any, visit: str, point: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Each verb with the permission it needs and an input that would be right."""
    triage, many = "cases.triage", {"cases": [of(case)]}
    return [
        ("assignCase", triage, {**of(case), "assignee": "x"}),
        ("commentCase", triage, {"caseId": of(case)["caseId"], "text": "x"}),
        ("startCaseReview", triage, of(case)),
        ("dismissCase", triage, {**of(case), "reason": "DATA_ERROR"}),
        ("reopenCase", triage, {**of(case), "reason": "x"}),
        (
            "linkCases",
            triage,
            {"caseId": of(case)["caseId"], "otherCaseId": of(other)["caseId"], "kind": "RELATED"},
        ),
        ("mergeCase", triage, {**of(case), **into(other)}),
        ("orderInspection", "inspections.order", {**of(case), "usagePointId": point}),
        (
            "recordInspectionOutcome",
            "inspections.record",
            {"inspectionId": visit, "outcome": "CLEAN", "inspectedOn": TODAY},
        ),
        ("assignCases", triage, {**many, "assignee": "x"}),
        ("dismissCases", triage, {**many, "reason": "DATA_ERROR"}),
        ("commentCases", triage, {"caseIds": [of(case)["caseId"]], "text": "x"}),
        ("orderInspections", "inspections.order", many),
    ]


async def everything(office: Any) -> list[Any]:
    """All that a change could change."""
    async with office.sessions.read() as session:
        cases = select(models.Case.id, models.Case.version, models.Case.state).order_by(models.Case.id)
        visits = select(models.Inspection.id, models.Inspection.outcome).order_by(models.Inspection.id)
        return [
            (await session.execute(cases)).all(),
            (await session.execute(visits)).all(),
            (await session.scalars(select(models.CaseComment.id))).all(),
            (await session.scalars(select(models.CaseLink.kind))).all(),
        ]


@pytest.mark.parametrize("role", list(Role))
async def test_only_who_has_the_permission_may(
    clerk: Any, office: Any, principal_of: Any, entries: Any, role: Role
) -> None:
    visit = (await order(clerk, office.cases[2]))["id"]
    point = encode_id("UsagePoint", str(office.points[0].id))
    who = principal_of(role)
    entries.clear()
    for verb, permission, given in changes(office.cases[0], office.cases[1], visit, point):
        if permission in who.permissions:
            continue
        before = await everything(office)
        answer = await clerk.do(verb, principal=who, **given)
        assert (answer["__typename"], answer["code"]) == ("ForbiddenError", "access.forbidden"), verb
        assert permission in answer["message"]
        assert await everything(office) == before
    assert entries == []
    allowed = [
        verb
        for verb, permission, _ in changes(office.cases[0], office.cases[1], visit, point)
        if permission in who.permissions
    ]
    assert bool(allowed) is (
        role in (Role.ANALYST, Role.COLLECTION_OFFICER, Role.INSPECTOR, Role.OFFICE_MANAGER)
    )


async def test_a_case_out_of_scope_is_not_there(
    clerk: Any, office: Any, principal_of: Any, entries: Any
) -> None:
    home = frozenset({office.districts[0].id})
    foreign, own = office.foreign[0], office.cases[0]
    visit = (await order(clerk, office.foreign[1]))["id"]
    point = encode_id("UsagePoint", str(office.points[-4].id))
    entries.clear()
    before = await everything(office)
    for scope in (RowScope(home), RowScope(None, frozenset({Sector.PRIVATE})), RowScope(frozenset())):
        who = principal_of(scope=scope)
        for verb, _, given in changes(foreign, own, visit, point):
            answer = await clerk.do(verb, principal=who, **given)
            if answer["__typename"].endswith("Payload"):
                (item,) = answer["results"]
                answer = item["result"]
            assert (answer["__typename"], answer["code"]) == ("NotFoundError", "not_found"), verb
        # Also where only the other case is out of scope.
        answer = await clerk.do("mergeCase", principal=who, **of(own), **into(foreign))
        assert answer["__typename"] == "NotFoundError"
    assert await everything(office) == before
    assert entries == []
    answer = await clerk.do(
        "assignCase", principal=principal_of(scope=RowScope(home)), **of(own), assignee="x"
    )
    assert answer["__typename"] == "CasePayload"


async def test_an_old_version_is_told_the_current_one_and_changes_nothing(
    clerk: Any, office: Any, entries: Any
) -> None:
    visit = (await order(clerk, office.cases[2]))["id"]
    point = encode_id("UsagePoint", str(office.points[0].id))
    await clerk.do("commentCase", caseId=of(office.cases[0])["caseId"], text="x")
    before, entries[:] = await everything(office), []
    for verb, _, given in changes(office.cases[0], office.cases[1], visit, point):
        stale = dict(given)
        if verb == "recordInspectionOutcome":
            stale["expectedCaseVersion"] = 7
        elif verb in ("commentCase", "linkCases"):
            stale["expectedVersion"] = 1
        elif verb == "commentCases":
            continue
        answer = await clerk.do(verb, **stale)
        if answer["__typename"].endswith("Payload"):
            answer = answer["results"][0]["result"]
        assert (answer["__typename"], answer["currentVersion"]) == ("ConflictError", 2), verb
    assert await everything(office) == before
    assert entries == []
