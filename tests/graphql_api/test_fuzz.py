"""Whatever is sent: an answer or a refusal with a code of ours, and nothing of the inside."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from graphql import GraphQLSchema, build_schema, parse_value
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, mutations, queries

from graphql_api.ids import encode_id
from graphql_api.schema import schema
from tarazu.security.permissions import Role
from tarazu.settings import Settings
from tests.effort import EFFORT

# What an error must not hold: SQL, files, classes, addresses of the inside.
INSIDE = re.compile(
    # "must not select": graphql-core's own words on subscriptions.
    r"(?<!must not )SELECT |INSERT |asyncpg|sqlalchemy|psycopg|Traceback|\.py\b|site-packages|127\.0\.0\.1|postgres",
    re.IGNORECASE,
)
ROLES = (Role.ANALYST, Role.AUDITOR, Role.INSPECTOR, Role.OFFICE_MANAGER)
# Requests of a document: twice by each role, varied, and damaged; with these, 2,000 reads in each run.
VARIED = 13
DAMAGED = 4
NUMBERS = (
    "0",
    "-1",
    "1",
    "2",
    "100",
    "2147483647",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "1e308",
)
TEXTS = (
    "",
    "C00000",
    "S000000",
    "T02",
    "D0",
    "2025-01-01",
    "0001-01-01",
    "%",
    "\0",
    "\u202e",
    "ك۱",
    "'; --",
    "x" * 300,
)
READ_DOCUMENTS = 80
CHANGE_DOCUMENTS = 20

# Faults that other servers had, and the bounds of types.
FIXED: list[Any] = [
    {"query": "{ cases { totalCount } }", "operationName": "unknown"},
    {"query": "query A { cases { totalCount } }", "operationName": "B"},
    {"query": "{ cases(first: 2147483647) { edges { node { id } } } }"},
    {"query": "{ cases(first: 2147483648) { totalCount } }"},
    {"query": "{ cases(first: -2147483649) { totalCount } }"},
    {"query": "{ cases(first: 0) { totalCount } }"},
    {"query": "query($n: Int!) { cases(first: $n) { totalCount } }", "variables": {"n": 2147483647}},
    {"query": "query($n: Int!) { cases(first: $n) { totalCount } }", "variables": {"n": 2**31}},
    {"query": "query($n: Int!) { cases(first: $n) { totalCount } }", "variables": {"n": 1.5}},
    *(
        {"query": "query($n: Long) { case(caseNo: $n) { id } }", "variables": {"n": n}}
        for n in (2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64 - 1, 1e308, "9", True, [], {})
    ),
    *(
        {
            "query": "query($f: InvoiceFilter) { invoices(filter: $f) { totalCount } }",
            "variables": {"f": {"payableRial": {"eq": n}}},
        }
        for n in (2**63 - 1, -(2**63), 2**63, 10**18, "1", None)
    ),
    *(
        {
            "query": "query($f: InvoiceFilter) { invoices(filter: $f) { totalCount } }",
            "variables": {"f": {"consumptionKwh": {"gte": n}}},
        }
        for n in (1e308, -1e308, 5e-324, 2**63, 10**18)
    ),
    *(
        {"query": "query($s: String!) { usagePoint(subscriptionNo: $s) { id } }", "variables": {"s": s}}
        for s in ("", "\0", "a\0b", "\ud83d\ude00", "\u202e\u200f", "x" * 100_000, "%", "'; --", "\\")
    ),
    *(
        {"query": "query($s: String) { customers(search: $s) { totalCount } }", "variables": {"s": s}}
        for s in ("", "a", "\0\0", "%%", "__", "\u0640" * 50, "ك" * 101, "۱" * 20)
    ),
    *(
        {
            "query": "query($d: Date) { debtSummary(groupBy: [], asOf: $d) { invoiceCount } }",
            "variables": {"d": d},
        }
        for d in (
            "0001-01-01",
            "9999-12-31",
            "2025-02-30",
            "1404-01-01",
            "",
            "x",
            5,
            "10000-01-01",
            "2025-01-01T00:00",
        )
    ),
    *(
        {"query": "query($i: ID!) { node(id: $i) { id } }", "variables": {"i": i}}
        for i in ("", "x", "Q2FzZTo=", "Q2FzZTo5OTk5OTk5OTk5OTk5OTk5OTk5OQ==", 5, 2**63, "\0", "Tm90aGluZzox")
    ),
    *(
        {
            "query": "query($c: String) { cases(after: $c) { totalCount edges { cursor } } }",
            "variables": {"c": c},
        }
        for c in (
            "",
            "x",
            "W10",
            "bnVsbA",
            "WyJjYXNlLnByaW9yaXR5IiwxZTk5OV0",
            "\0",
            "WyJjYXNlLnByaW9yaXR5IixudWxsLG51bGxd",
        )
    ),
    {"query": "{ cases(filter: {and: [{and: [{and: [{and: [{and: [{and: []}]}]}]}]}]}) { totalCount } }"},
    {"query": "{ cases(filter: {or: []}) { totalCount } }"},
    {"query": "{ caseSummary(groupBy: [STATE, STATE]) { caseCount } }"},
    {"query": "{ __typename @skip(if: $nothing) }"},
    {"query": "query($a: Int, $a: Int) { __typename }"},
    {"query": "query($a: CaseConnection) { __typename }"},
    {"query": "query($a: [[[[[[[[Int]]]]]]]]) { __typename }", "variables": {"a": [[[[[[[[1]]]]]]]]}},
    {"query": "subscription { __typename }"},
    {"query": "mutation { __typename }"},
    {"query": "{ cases { totalCount } }", "variables": None, "operationName": None, "extensions": None},
    {"query": "{ cases { totalCount } }", "extensions": []},
    {"query": "{ cases { totalCount } }", "variables": {"unknown": 1}},
]

# Bytes that no client of ours makes.
RAW = [
    b"",
    b"null",
    b"\xff\xfe",
    b'{"query": "\\ud800"}',
    b'{"query": "{ usagePoint(subscriptionNo: \\"\\\\ud800\\") { id } }"}',
    b'{"query": "{ usagePoint(subscriptionNo: \\"\\\\u{D800}\\") { id } }"}',
    b'{"query": "query($s: String!) { usagePoint(subscriptionNo: $s) { id } }", "variables": {"s": "\\ud800"}}',
    b'{"query": "{ cases(first: ' + b"9" * 10_000 + b') { totalCount } }"}',
    b'{"query": "{ cases { totalCount } }", "variables": {"a": ' + b"9" * 10_000 + b"}}",
    b'{"query": "{ cases { totalCount } }", "variables": {"a": NaN}}',
    b"[" * 100_000,
    b'{"query": "{ a }", "query": "{ cases { totalCount } }"}',
]


async def check(api: Any, content: bytes) -> str:
    """Sends the body and looks at the answer; its outcome: `ok` or the code of the first error."""
    headers = {"content-type": "application/json", "authorization": f"Bearer {api.token}"}
    response = await api.http.post("/graphql", content=content, headers=headers)
    told = content[:300]
    assert response.status_code in (200, 400, 429), (response.status_code, response.text[:300], told)
    answer = response.json()
    codes = [error["extensions"]["code"] for error in answer.get("errors", ())]
    assert "INTERNAL" not in codes, (answer["errors"], told)
    assert "UNAVAILABLE" not in codes, (answer["errors"], told)
    assert codes or "data" in answer, told
    for error in answer.get("errors", ()):
        assert len(error["message"]) <= 500, told
        echoed = content.decode("utf-8", "replace").lower()
        for found in INSIDE.findall(error["message"]):
            assert found.lower() in echoed, (error["message"], told)
    return codes[0] if codes else "ok"


def damaged(text: str, chance: random.Random) -> str:
    """The document with one character of it taken away, doubled or replaced."""
    place = chance.randint(0, max(len(text) - 1, 0))
    other = chance.choice(["", text[place : place + 1] * 2, "{", "}", "$", "\0", "9" * 30, "٣", '"', "..."])
    return text[:place] + other + text[place + 1 :]


def tamed(text: str) -> str:
    """Numbers of all sizes are no pages and texts no cursors; what lies behind them wants to be reached too."""
    text = re.sub(r"\bfirst: -?\d+", "first: 2", text)
    text = re.sub(r'\bafter: "(?:[^"\\]|\\.)*"', "after: null", text)
    return re.sub(r"\b(search|filter): (\{\}|\"[^\"]*\")", r"\1: null", text)


def varied(text: str, chance: random.Random) -> str:
    """The tamed document with other literals: the bounds of types, and what may be in the database."""
    text = re.sub(
        r"(?<=: )-?\d+\b", lambda found: chance.choice(NUMBERS) if chance.random() < 0.5 else found[0], text
    )
    return re.sub(
        r'(?<=: )"(?:[^"\\]|\\.)*"',
        lambda found: json.dumps(chance.choice(TEXTS)) if chance.random() < 0.7 else found[0],
        text,
    )


def odd_json(chance: random.Random) -> Any:
    return chance.choice(
        [None, True, 0, -1, 2**31, 2**63, 1.5, "", "x", "\0", "\ud800", [], [None], {}, {"eq": 1}]
    )


def bodies(text: str, chance: random.Random) -> list[bytes]:
    """A document as it is and tamed, by every role; and varied and damaged, each time elsewhere."""
    made: list[dict[str, Any]] = [{"query": each} for each in (text, tamed(text)) for _ in ROLES]
    made += [{"query": varied(tamed(text), chance)} for _ in range(VARIED)]
    made += [{"query": damaged(tamed(text), chance)} for _ in range(DAMAGED)]
    for body in made[len(ROLES) :]:
        if chance.random() < 0.2:
            names = [
                chance.choice(["a", "", "input", "first", "\u200c"]) for _ in range(chance.randint(0, 3))
            ]
            body["variables"] = {name: odd_json(chance) for name in names}
        if chance.random() < 0.1:
            body["operationName"] = chance.choice(["", "A", "٣", None])
    return [json.dumps(body).encode() for body in made]


async def check_all(apis: Sequence[Any], contents: Sequence[bytes]) -> list[str]:
    """All at once, by the roles in turn."""
    return await asyncio.gather(
        *(check(api, content) for api, content in zip(itertools.cycle(apis), contents, strict=False))
    )


async def check_many(
    apis: Sequence[Any], texts: st.SearchStrategy[str], documents: int, prepare: Any = lambda text, _: text
) -> Counter[str]:
    """Sends requests made of drawn documents; how often each outcome was.

    Drawing a document takes twenty times as long as answering it, so each makes many requests.
    """
    loop = asyncio.get_running_loop()
    outcomes: Counter[str] = Counter()

    @settings(
        max_examples=documents,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(text=texts, seed=st.integers(0, 2**32))
    def send(text: str, seed: int) -> None:
        chance = random.Random(seed)
        contents = bodies(prepare(text, chance), chance)
        outcomes.update(asyncio.run_coroutine_threadsafe(check_all(apis, contents), loop).result(60))

    await asyncio.to_thread(send)
    return outcomes


@pytest.fixture(scope="module")
def graph() -> GraphQLSchema:
    return build_schema(schema.as_str())


SCALARS = {
    name: st.just(parse_value(literal))
    for name, literal in (("Date", '"2025-01-01"'), ("Rial", "5"), ("Long", "9223372036854775807"))
}


@asynccontextmanager
async def of_roles(chosen: Settings, api_of: Any) -> AsyncIterator[list[Any]]:
    """The API as each of the roles, none of which runs out of its budget."""
    budgets = dict.fromkeys(chosen.api_cost_per_minute, 10**15)
    async with api_of(chosen.model_copy(update={"api_cost_per_minute": budgets})) as api:
        yield [await api.as_(role) for role in ROLES]


@pytest.mark.parametrize("body", FIXED, ids=lambda body: json.dumps(body)[:80])
async def test_faults_that_others_had_are_answered_cleanly(world: Any, api: Any, body: Any) -> None:
    await check(api, json.dumps(body, ensure_ascii=True).encode())


@pytest.mark.parametrize("content", RAW, ids=lambda content: repr(content[:60]))
async def test_bytes_of_no_client_are_answered_cleanly(world: Any, api: Any, content: bytes) -> None:
    await check(api, content)


async def test_generated_reads_are_answered_cleanly(
    world: Any, company: Settings, api_of: Any, graph: GraphQLSchema
) -> None:
    lists = ["cases", "customers", "invoices", "debtors", "scanRuns", "quarantinedRows"]
    texts = (
        queries(graph, fields=lists, custom_scalars=SCALARS)
        | queries(graph, custom_scalars=SCALARS)
        | queries(graph, custom_scalars=SCALARS, mode=Mode.NEGATIVE)
    )
    async with of_roles(company, api_of) as apis:
        outcomes = await check_many(apis, texts, READ_DOCUMENTS * EFFORT)
    assert outcomes.total() >= READ_DOCUMENTS * EFFORT * (2 * len(ROLES) + VARIED + DAMAGED)
    # The requests reach every stage.
    assert {"ok", "access.forbidden", "graphql.invalid", "graphql.syntax"} <= outcomes.keys(), outcomes


async def test_generated_changes_are_answered_cleanly(
    database: Settings, office: Any, api_of: Any, graph: GraphQLSchema
) -> None:
    texts = mutations(graph, custom_scalars=SCALARS) | mutations(
        graph, custom_scalars=SCALARS, mode=Mode.NEGATIVE
    )
    ids = [encode_id("Case", str(case.id)) for case in office.cases]
    numbers = itertools.count()

    def real(text: str, chance: random.Random) -> str:
        """Mostly of cases that there are, under keys that may be used."""

        def value(found: re.Match[str]) -> str:
            if chance.random() < 0.2:
                return found[0]
            given_ = f"fuzzed-{next(numbers):06d}" if found[1] == "clientMutationKey" else chance.choice(ids)
            return f'{found[1]}: "{given_}"'

        text = re.sub(r'\b(clientMutationKey|caseId|intoCaseId|otherCaseId): "(?:[^"\\]|\\.)*"', value, text)
        return re.sub(r"\bexpectedVersion: -?\d+", "expectedVersion: 1", text)

    async with of_roles(database, api_of) as apis:
        outcomes = await check_many(apis, texts, CHANGE_DOCUMENTS * EFFORT, real)
    assert {"ok", "graphql.invalid", "graphql.syntax"} <= outcomes.keys(), outcomes
