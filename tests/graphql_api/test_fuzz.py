"""Whatever is sent: an answer or a refusal with a code of ours, and nothing of the inside."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine
from typing import Any

import pytest
from graphql import build_schema, parse_value
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis_graphql import Mode, queries

from graphql_api.schema import schema

# What an error must not hold: SQL, files, classes, addresses of the inside.
INSIDE = re.compile(
    # "must not select": graphql-core's own words on subscriptions.
    r"(?<!must not )SELECT |INSERT |asyncpg|sqlalchemy|psycopg|Traceback|\.py\b|site-packages|127\.0\.0\.1|postgres",
    re.IGNORECASE,
)
# 200 in each run; `check_many(api, 4_000)` is the same for a longer one.
EXAMPLES = 200

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
    response = await api.http.post("/graphql", content=content, headers={"content-type": "application/json"})
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


def shuffled(text: str, draw: Any) -> str:
    """The document with one character of it taken away, doubled or replaced."""
    place = draw(st.integers(0, max(len(text) - 1, 0)))
    other = draw(
        st.sampled_from(["", text[place : place + 1] * 2, "{", "}", "$", "\0", "9" * 30, "٣", '"', "..."])
    )
    return text[:place] + other + text[place + 1 :]


@st.composite
def bodies(draw: st.DrawFn, positive: Any, negative: Any) -> bytes:
    kind = draw(st.sampled_from(["positive", "negative", "shuffled"]))
    text = draw(negative if kind == "negative" else positive)
    if draw(st.booleans()):
        # Numbers of all sizes are no pages and texts no cursors; what lies behind them wants to be reached too.
        text = re.sub(r"\bfirst: -?\d+", "first: 2", text)
        text = re.sub(r'\bafter: "(?:[^"\\]|\\.)*"', "after: null", text)
        text = re.sub(r"\b(search|filter): (\{\}|\"[^\"]*\")", r"\1: null", text)
    if kind == "shuffled":
        text = shuffled(text, draw)
    body: dict[str, Any] = {"query": text}
    if draw(st.booleans()):
        body["variables"] = draw(
            st.dictionaries(
                st.text(max_size=3),
                st.none() | st.booleans() | st.integers() | st.text(max_size=5),
                max_size=3,
            )
        )
    if draw(st.integers(0, 9)) == 0:
        body["operationName"] = draw(st.text(max_size=4) | st.none())
    return json.dumps(body).encode()


def check_many(run: Any, api: Any, examples: int) -> dict[str, int]:
    """Sends generated requests, right and wrong ones; how often each outcome was. `run` waits for a coroutine."""
    graph = build_schema(schema.as_str())
    outcomes: dict[str, int] = {}
    scalars = {
        name: st.just(parse_value(literal))
        for name, literal in (("Date", '"2025-01-01"'), ("Rial", "5"), ("Long", "9223372036854775807"))
    }
    lists = ["cases", "customers", "invoices", "debtors", "scanRuns", "quarantinedRows"]
    positive = queries(graph, fields=lists, custom_scalars=scalars) | queries(graph, custom_scalars=scalars)
    negative = queries(graph, custom_scalars=scalars, mode=Mode.NEGATIVE)

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=bodies(positive, negative))
    def send(content: bytes) -> None:
        outcome = run(check(api, content))
        outcomes[outcome] = outcomes.get(outcome, 0) + 1

    send()
    return outcomes


@pytest.mark.parametrize("body", FIXED, ids=lambda body: json.dumps(body)[:80])
async def test_faults_that_others_had_are_answered_cleanly(world: Any, api: Any, body: Any) -> None:
    await check(api, json.dumps(body, ensure_ascii=True).encode())


@pytest.mark.parametrize("content", RAW, ids=lambda content: repr(content[:60]))
async def test_bytes_of_no_client_are_answered_cleanly(world: Any, api: Any, content: bytes) -> None:
    await check(api, content)


async def test_generated_requests_are_answered_cleanly(world: Any, company: Any, api_of: Any) -> None:
    rich = company.model_copy(
        update={"api_cost_per_minute": dict.fromkeys(company.api_cost_per_minute, 10**15)}
    )
    async with api_of(rich) as api:
        loop = asyncio.get_running_loop()

        def run(work: Coroutine[Any, Any, str]) -> str:
            return asyncio.run_coroutine_threadsafe(work, loop).result(60)

        outcomes = await asyncio.to_thread(check_many, run, api, EXAMPLES)
    # The requests reach every stage.
    assert {"ok", "graphql.invalid", "graphql.syntax"} <= outcomes.keys(), outcomes
