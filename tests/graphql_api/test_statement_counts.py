"""What a page of a list needs from the database does not grow with the page."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event

NESTED = """
query($first: Int!) {
  cases(first: $first) { totalCount edges { node {
    caseNo
    district { code }
    firstScanRun { asOf }
    customer { name agreements { edges { node { agreementNo } } } }
    findings { totalCount edges { node { ruleId rule { version } invoice { id } evidence { text } } } }
    inspections { edges { node { outcome } } }
    usagePoint {
      subscriptionNo
      customer { name }
      term { tariffClass }
      terms { tariffClass }
      statuses { kind }
      transformer { code feeder { code exchangePoint { code } } }
      installations { edges { node {
        meter { serialNo events { edges { node { kind } } } }
        multipliers { multiplier }
        readings(first: 3) { edges { node { indexValue } } }
      } } }
      invoices(first: 3) { totalCount edges { node {
        payableRial lines { amountRial } allocations { edges { node { amountRial payment { paidOn } } } }
      } } }
    }
  } } }
}
"""


@pytest.mark.parametrize(
    ("query", "most"),
    [
        (NESTED, 28),
        (
            """query($first: Int!) { debtors(first: $first, asOf: "2025-06-01") { edges { node {
                customer { name } usagePoint { subscriptionNo district { code } } } } } }""",
            4,
        ),
        (
            "query($first: Int!) { invoices(first: $first) { edges { node { usagePoint { district { code } } } } } }",
            3,
        ),
    ],
)
async def test_statements_do_not_grow_with_the_page(api_both: Any, query: str, most: int) -> None:
    counts = []
    for first in (2, 12, 34):
        with api_both.counting() as statements:
            await api_both.ask(query, first=first)
        # The two that write down who read personal data are no part of the page.
        counts.append(len([sql for sql in statements if "audit" not in sql and "advisory" not in sql]))
    assert max(counts) <= (1 if api_both.settings.api_compiler else most)
    assert min(counts) > 0
    # A page of two may happen to need a kind of row less.
    assert counts[1] == counts[2] >= counts[0]


async def test_one_answer_holds_one_connection(api_both: Any, monkeypatch: Any) -> None:
    pool, reads = api_both.sessions.engine.sync_engine.pool, api_both.reads
    held: list[int] = []

    def note(*_: Any) -> None:
        held.append(pool.checkedout() + reads.in_use)

    connected = reads._connected

    async def noting(place: Any) -> Any:
        note()
        return await connected(place)

    monkeypatch.setattr(reads, "_connected", noting)
    event.listen(pool, "checkout", note)
    await api_both.ask(
        "{ a: cases { totalCount } b: customers { totalCount } c: invoices { totalCount } d: scanRuns { totalCount } }"
    )
    event.remove(pool, "checkout", note)
    assert max(held) == 1
    assert pool.checkedout() + reads.in_use == 0
