"""Eight clients at once on the same cases: whatever they do, the rules hold, and every answer was true.

Operations are single mutations and lists; each client acts on the versions it last saw, so that most kinds of refusal
come up. A checker then compares what the answers said with what the database holds.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select, text

from graphql_api.ids import decode_id, encode_id
from tarazu import models
from tarazu.models.enums import LIVE_CASE_STATES

CLIENTS: Final = 8
OPERATIONS: Final = 400
CASES: Final = 12
TODAY: Final = dt.datetime.now().astimezone().date().isoformat()

# Rows that break a rule; each must find none.
VIOLATIONS: Final = {
    "two live cases of a subject and family": (
        "SELECT subject_key, family FROM \"case\" WHERE state IN ('open', 'in_review', 'inspection_ordered')"
        " GROUP BY subject_kind, subject_key, family HAVING count(*) > 1"
    ),
    "merged into a merged case": (
        'SELECT a.id FROM "case" a JOIN "case" b ON b.id = a.merged_into_id WHERE b.merged_into_id IS NOT NULL'
    ),
    "waiting for other than one visit": (
        "SELECT c.id FROM \"case\" c WHERE (c.state = 'inspection_ordered') <> (1 = ("
        " SELECT count(*) FROM inspection i WHERE i.case_id = c.id AND outcome IS NULL AND withdrawn_on IS NULL))"
    ),
    "closed without a reason": (
        'SELECT id FROM "case" WHERE closed_at IS NOT NULL AND closed_reason IS NULL'
    ),
    "a link without its mirror": (
        "SELECT a.case_id FROM case_link a LEFT JOIN case_link b ON b.case_id = a.other_case_id"
        " AND b.other_case_id = a.case_id AND b.kind = a.kind WHERE b.case_id IS NULL"
    ),
    "an inspection with a result and no day": (
        "SELECT id FROM inspection WHERE (outcome IS NULL) <> (inspected_on IS NULL)"
    ),
}


@dataclass
class Seen:
    """What answers told, to be held against the database."""

    outcomes: Counter[str] = field(default_factory=Counter)
    versions: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Of each case, the versions that successful changes told: each may be told once."""
    results: dict[str, str] = field(default_factory=dict)
    """Of each inspection, its outcome as recorded."""
    comments: int = 0
    visits: list[str] = field(default_factory=list)


class Client:
    def __init__(self, clerk: Any, sessions: Any, seen: Seen, ids: list[str], seed: int) -> None:
        self.clerk = clerk
        self.sessions = sessions
        self.seen = seen
        self.ids = ids
        self.chance = random.Random(seed)
        self.known = dict.fromkeys(ids, 1)
        self.live = set(ids)

    async def act(self) -> None:
        chance = self.chance
        verb = chance.choice(
            [
                *("assignCase", "commentCase", "startCaseReview", "dismissCase", "linkCases"),
                *("reopenCase", "reopenCase", "reopenCase", "mergeCase", "mergeCase"),
                *("orderInspection", "orderInspection"),
                *("recordInspectionOutcome", "recordInspectionOutcome", "assignCases", "dismissCases"),
            ]
        )
        if chance.random() < 0.6:
            await self.look()
        one, two = chance.sample(self.ids, 2)
        # Most of the time what may be done; what others do meanwhile still comes between.
        fitting = [id_ for id_ in self.ids if (id_ in self.live) is (verb != "reopenCase")]
        if len(fitting) >= 2 and chance.random() < 0.8:
            one, two = chance.sample(fitting, 2)
        of_one = {"caseId": one, "expectedVersion": self.known[one]}
        given: dict[str, Any]
        match verb:
            case "assignCase":
                given = {**of_one, "assignee": "x"}
            case "commentCase":
                given = {"caseId": one, "text": "x"}
            case "dismissCase":
                given = {**of_one, "reason": "DATA_ERROR"}
            case "reopenCase":
                given = {**of_one, "reason": "x"}
            case "linkCases":
                kind = chance.choice(["RELATED", "SAME_LOSS", "SAME_SITE"])
                given = {"caseId": one, "otherCaseId": two, "kind": kind}
            case "mergeCase":
                given = {**of_one, "intoCaseId": two, "intoExpectedVersion": self.known[two]}
            case "recordInspectionOutcome":
                if not self.seen.visits:
                    return
                given = {
                    "inspectionId": chance.choice(self.seen.visits[-6:]),
                    "outcome": chance.choice(["THEFT", "CLEAN", "NO_ACCESS", "NO_ACCESS"]),
                    "inspectedOn": TODAY,
                }
            case "assignCases" | "dismissCases":
                some = chance.sample(self.ids, 5)
                given = {"cases": [{"caseId": id_, "expectedVersion": self.known[id_]} for id_ in some]}
                given |= {"assignee": "y"} if verb == "assignCases" else {"reason": "DUPLICATE"}
            case _:
                given = of_one
        body = self.clerk.body(verb, **given)
        for _ in range(20):
            response = await self.clerk.post(body)
            # Somebody held a row for long: the same request again, as a client would.
            if response.status_code != 503:
                break
            self.seen.outcomes["UNAVAILABLE"] += 1
        told = response.json()
        assert "errors" not in told, told
        answer = told["data"][verb]
        items = answer.get("results")
        for item in [answer] if items is None else [item["result"] for item in items]:
            self.learn(verb, item)

    def learn(self, verb: str, answer: dict[str, Any]) -> None:
        self.seen.outcomes[answer["__typename"]] += 1
        if not answer["__typename"].endswith("Payload"):
            return
        for name in ("case", "otherCase", "intoCase"):
            if case := answer.get(name):
                self.seen.versions[case["id"]].append(case["version"])
                self.known[case["id"]] = case["version"]
        self.seen.comments += verb in ("commentCase", "reopenCase")
        for name in ("inspection", "nextInspection"):
            if (visit := answer.get(name)) and visit["outcome"] is None:
                self.seen.visits.append(visit["id"])
        if verb == "recordInspectionOutcome":
            assert answer["inspection"]["id"] not in self.seen.results
            self.seen.results[answer["inspection"]["id"]] = answer["inspection"]["outcome"]

    async def look(self) -> None:
        """Read what the cases are at now."""
        async with self.sessions.read() as session:
            rows = (
                await session.execute(select(models.Case.id, models.Case.version, models.Case.state))
            ).all()
        now = {encode_id("Case", str(id_)): (version, state) for id_, version, state in rows}
        self.known = {id_: now[id_][0] for id_ in self.ids}
        self.live = {id_ for id_ in self.ids if now[id_][1] in LIVE_CASE_STATES}


async def test_eight_clients_at_once_break_no_rule_and_are_told_the_truth(clerk: Any, office: Any) -> None:
    chosen = office.cases[:CASES]
    ids = [encode_id("Case", str(case.id)) for case in chosen]
    seen = Seen()
    clients = [Client(clerk, office.sessions, seen, ids, seed) for seed in range(CLIENTS)]

    async def work(client: Client) -> None:
        for _ in range(OPERATIONS // CLIENTS):
            await client.act()

    await asyncio.gather(*(work(client) for client in clients))

    async with office.sessions.read() as session:
        for rule, query in VIOLATIONS.items():
            assert (await session.execute(text(query))).all() == [], rule
        cases = {
            encode_id("Case", str(case.id)): case
            for case in await session.scalars(
                select(models.Case).where(models.Case.id.in_([case.id for case in chosen]))
            )
        }
        visits = {str(visit.id): visit for visit in await session.scalars(select(models.Inspection))}
        comments = (await session.scalars(select(models.CaseComment.id))).all()
    for id_, case in cases.items():
        told = seen.versions[id_]
        # No two changes made the same version, and none was lost; beside what was told, a case that was merged before
        # is moved along when the case it was merged into is merged itself.
        assert len(set(told)) == len(told)
        assert max(told, default=1) <= case.version
        assert len(told) <= case.version - 1
        assert case.state in LIVE_CASE_STATES or case.closed_at is not None
    assert len(comments) == seen.comments
    assert {decode_id(id_)[1] for id_ in seen.visits} == visits.keys()
    for number, visit in visits.items():
        recorded = seen.results.get(encode_id("Inspection", number))
        assert (visit.outcome.name if visit.outcome else None) == recorded
    # All that can happen did: otherwise the rules were not tried.
    assert {"ConflictError", "InvalidTransitionError"} <= seen.outcomes.keys()
    for payload in (
        "CasePayload",
        "CommentPayload",
        "LinkPayload",
        "MergePayload",
        "OrderPayload",
        "OutcomePayload",
    ):
        assert seen.outcomes[payload] >= 2, seen.outcomes
