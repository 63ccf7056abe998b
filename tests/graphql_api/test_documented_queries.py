"""Every query of `docs/how-to/queries.md` runs as it stands there, by one statement for each of its root fields."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from graphql import FieldNode, strip_ignored_characters

from graphql_api.execution import Execution
from graphql_api.ids import encode_id
from graphql_api.schema import schema
from tarazu.database import ReadPool
from tests.graphql_api.documented import TODAY, Documented, of_kind, sections

READS = of_kind("query")
PERIOD = {"from": "2025-01-01", "to": "2025-04-01"}
# The page's values are those of `make demo`; these find something in the company of the tests.
OF_THE_WORLD: dict[str, dict[str, Any]] = {
    "WorkList": {"districts": ["D0", "D1", "D2"], "first": 20},
    "WholeCase": {},
    "FindCustomer": {"search": "رضایی"},
    "Debtors": {"district": "D1", "asOf": "2025-06-01"},
    "DebtByAge": {"bounds": [45, 365], "asOf": "2025-06-01"},
    "GovernmentDebt": {"asOf": "2025-06-01"},
    "CollectionByMonth": PERIOD,
    "FeederLosses": {"feeder": "F0", **PERIOD},
    "RefusedRows": {"mapping": "billing_fa"},
    "RulesInForce": {"filter": {"ruleId": {"eq": "T02"}}},
    "OfficeBoard": {"families": ["THEFT", "READING", "BILLING", "DEBT"]},
    "EstimatedBills": {"district": "D1", "since": "2025-01-01", "least": 100, "qualities": ["ACTUAL"]},
    "Visits": {"districts": ["D0", "D1", "D2"]},
}
# Lists that nobody has put anything into.
EMPTY_IN_THE_WORLD = {
    "WholeCase": {"comments.edges", "links", "measurements", "seals"},
    "FeederLosses": {"cases.edges"},
}
# Scalars of JSON, with keys of their own.
FREE = {"parameters"}
# What writing down a read of personal data sends beside the statement.
AUDIT = re.compile(r"audit_event|pg_advisory_xact_lock")


def names_of(documents: list[Documented]) -> list[str]:
    return [each.name for each in documents]


def lists(value: Any, path: str = "") -> Iterator[tuple[str, list[Any]]]:
    """All lists of an answer, with the names that lead to them; `edges` under the name of its connection."""
    match value:
        case dict():
            for key, inner in value.items():
                yield from lists(inner, f"{path}.{key}" if key == "edges" else key)
        case list():
            yield path, value
            for inner in value:
                yield from lists(inner, path)


def shape(value: Any) -> Any:
    """Which keys stand where; of a list what its first element has."""
    match value:
        case dict():
            return {key: None if key in FREE else shape(inner) for key, inner in value.items()}
        case [first, *_]:
            return [shape(first)]
    return None


def unlike(shown: Any, real: Any, path: str = "data") -> Iterator[str]:
    """Where the two have other keys; a null or an empty list fits everything."""
    match shown, real:
        case dict(), dict():
            if list(shown) != list(real):
                yield path
            else:
                for key in shown:
                    yield from unlike(shown[key], real[key], f"{path}.{key}")
        case [one], [other]:
            yield from unlike(one, other, path)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements of the compiler; resolvers are not there to help."""
    statements: list[str] = []
    fetch_text = ReadPool.fetch_text

    async def noting(pool: ReadPool, statement: str, *arguments: Any, **others: Any) -> bytes | None:
        statements.append(statement)
        return await fetch_text(pool, statement, *arguments, **others)

    async def resolve(*_arguments: Any) -> None:
        raise AssertionError("resolvers answer this read")

    monkeypatch.setattr(ReadPool, "fetch_text", noting)
    monkeypatch.setattr(Execution, "_resolve", resolve)
    return statements


def test_the_page_has_ten_queries_a_change_and_the_subscription() -> None:
    assert len(READS) >= 10
    assert names_of(of_kind("mutation")) == ["OrderVisit", "RecordVisit"]
    assert len(of_kind("subscription")) == 1
    assert set(names_of(READS)) == set(OF_THE_WORLD)


@pytest.mark.parametrize("asked", sections(), ids=lambda asked: asked.name)
def test_all_root_fields_named_in_the_page_are_in_the_schema(asked: Documented) -> None:
    root = schema.get_type_by_name(asked.kind.capitalize())
    assert root is not None
    known = {schema.config.name_converter.get_graphql_name(field) for field in root.fields}
    named = {
        node.name.value for node in asked.operation.selection_set.selections if isinstance(node, FieldNode)
    }
    assert named
    assert named <= known


@pytest.mark.parametrize("asked", READS, ids=names_of(READS))
async def test_a_read_is_compiled_and_finds_something(
    asked: Documented, world: Any, api: Any, sent: list[str]
) -> None:
    variables = dict(OF_THE_WORLD[asked.name])
    if asked.name == "WholeCase":
        # An inspection and both findings of the same point.
        visited = [case for case in world.cases if case.usage_point_id and case.subject_key == "K4"]
        variables["caseNo"] = visited[0].case_no
    client = await api.as_(asked.role)
    with client.counting() as others:
        data = await client.ask(asked.query, **variables)
    roots = asked.operation.selection_set.selections
    assert len(sent) == len(roots)
    # Reads of personal data are written down, and nothing else is done beside the statements.
    assert [statement for statement in others if not AUDIT.search(statement)] == sent
    assert all(value is not None for value in data.values())
    found: dict[str, int] = {}
    for path, rows in lists(data):
        found[path] = found.get(path, 0) + len(rows)
    assert {path for path, count in found.items() if not count} == EMPTY_IN_THE_WORLD.get(asked.name, set())
    assert list(unlike(shape(asked.answer["data"]), shape(data))) == []


@pytest.mark.parametrize("asked", READS, ids=names_of(READS))
async def test_the_values_of_the_page_fit(asked: Documented, world: Any, api: Any) -> None:
    await (await api.as_(asked.role)).ask(asked.query, **asked.variables)


@pytest.mark.parametrize("asked", sections(), ids=lambda asked: asked.name)
def test_the_line_for_the_shell_sends_what_stands_above_it(asked: Documented) -> None:
    if asked.kind == "subscription":
        assert asked.curl is None
        return
    assert asked.curl is not None
    assert f'"Authorization: Bearer ${asked.role.value.upper()}_TOKEN"' in asked.curl
    (body,) = re.findall(r"^  -d '(\{.*\})'$", asked.curl, re.MULTILINE)
    told = orjson.loads(
        re.sub(re.escape(TODAY), str(asked.variables.get("input", {}).get("inspectedOn")), body)
    )
    assert told == {"query": strip_ignored_characters(asked.query), "variables": asked.variables}


async def test_a_visit_is_ordered_found_in_the_list_and_recorded_once(
    database: Any, office: Any, api_of: Any
) -> None:
    order, record = of_kind("mutation")
    (visits,) = (each for each in READS if each.name == "Visits")
    case = office.cases[0]
    ordered_input = {"caseId": encode_id("Case", str(case.id)), "expectedVersion": case.version}
    async with api_of(database) as api:
        analyst, inspector = await api.as_(order.role), await api.as_(record.role)
        given = {"input": order.variables["input"] | ordered_input}
        answers = [await analyst.post(order.query, **given) for _ in range(2)]
        assert answers[0].content == answers[1].content
        ordered = answers[0].json()["data"]
        assert list(unlike(shape(order.answer["data"]), shape(ordered))) == []
        assert ordered["orderInspection"]["case"]["state"] == "INSPECTION_ORDERED"

        listed = await inspector.ask(visits.query, districts=["D0"])
        (row,) = listed["cases"]["edges"]
        visit_id = row["node"]["inspections"]["edges"][0]["node"]["id"]
        assert visit_id == ordered["orderInspection"]["inspection"]["id"]

        today = str(dt.datetime.now().astimezone().date())
        found = {"inspectionId": visit_id, "inspectedOn": today, "clientMutationKey": str(uuid.uuid4())}
        recorded = await inspector.ask(record.query, input=record.variables["input"] | found)
        assert list(unlike(shape(record.answer["data"]), shape(recorded))) == []
        outcome = recorded["recordInspectionOutcome"]
        assert outcome["case"]["state"] == "CONFIRMED"
        assert outcome["inspection"]["measurements"]
        assert (await inspector.ask(visits.query, districts=["D0"]))["cases"]["edges"] == []
