"""One nested read, three times: for our API, for PostGraphile, and as one statement written by hand.

A page of customers with their agreements, the points that these supply, the meters there, and the last 12 invoices of
each point. The names are left out: reading them is written to the audit log, which is another measurement.
"""

from __future__ import annotations

import base64
import json
import random
from typing import Any, Final

from graphql_api.cursors import encode_cursor
from tarazu.billing.repository import INVOICE_ORDER
from tarazu.customer_service.repository import CUSTOMER_ORDER

GRAPHQL: Final = """
query CustomersWithInvoices($first: Int!, $after: String) {
  customers(first: $first, after: $after) {
    edges { node {
      customerNo kind sector
      agreements(first: 2) { edges { node {
        agreementNo
        supplies(first: 2) { edges { node {
          validFrom
          usagePoint {
            subscriptionNo phaseCount
            installations(first: 2) { edges { node { validFrom meter { serialNo manufacturer } } } }
            invoices(first: 12) {
              edges { node { invoiceNo periodStart periodEnd consumptionKwh payableRial } }
            }
          }
        } } }
      } } }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

# It orders by indexed columns alone; of the meters at a point there the primary key is the only order, and the same.
POSTGRAPHILE: Final = """
query CustomersWithInvoices($first: Int!, $after: Cursor) {
  customers: allCustomers(first: $first, after: $after) {
    edges { node {
      customerNo kind sector
      agreements: supplyAgreementsByCustomerId(first: 2) { edges { node {
        agreementNo
        supplies: agreementUsagePointsByAgreementId(first: 2, orderBy: [VALID_FROM_DESC]) { edges { node {
          validFrom
          usagePoint: usagePointByUsagePointId {
            subscriptionNo phaseCount
            installations: meterInstallationsByUsagePointId(first: 2, orderBy: [PRIMARY_KEY_DESC]) {
              edges { node { validFrom meter: meterByMeterId { serialNo manufacturer } } }
            }
            invoices: invoicesByUsagePointId(first: 12, orderBy: [PERIOD_END_DESC]) {
              edges { node { invoiceNo periodStart periodEnd consumptionKwh payableRial } }
            }
          }
        } } }
      } } }
    } }
    pageInfo { hasNextPage endCursor }
  }
}
"""

# The fastest of five forms (microseconds at 1, 20 and 100 customers, planned once): rows aliased as the one column of
# a sub-select, 231/1,216/5,312. The same by LATERAL joins is equal; json_agg(json_build_object('node', row_to_json(x)))
# takes 236/1,351/6,256, json_build_object of each column 241/1,398/7,223. Text put together by || without PostgreSQL's
# JSON functions would be 3-15 % faster still, and nobody should write that by hand.
_EDGES: Final = """(
    SELECT json_build_object('edges', coalesce(json_agg(edge), '[]'::json))
    FROM (SELECT row AS node FROM ({rows}) row) edge
)"""
_INVOICES: Final = _EDGES.format(
    rows="""
    SELECT invoice_no AS "invoiceNo", period_start AS "periodStart", period_end AS "periodEnd",
           consumption_kwh AS "consumptionKwh", payable_rial AS "payableRial"
    FROM invoice WHERE usage_point_id = point.id ORDER BY period_end DESC, id DESC LIMIT 12"""
)
_INSTALLATIONS: Final = _EDGES.format(
    rows="""
    SELECT valid_from AS "validFrom", (
        SELECT meter FROM (
            SELECT serial_no AS "serialNo", manufacturer FROM meter WHERE id = installation.meter_id
        ) meter
    ) AS meter
    FROM meter_installation installation WHERE usage_point_id = point.id ORDER BY valid_from DESC, id DESC LIMIT 2"""
)
_SUPPLIES: Final = _EDGES.format(
    rows=f"""
    SELECT valid_from AS "validFrom", (
        SELECT point FROM (
            SELECT subscription_no AS "subscriptionNo", phase_count AS "phaseCount",
                   {_INSTALLATIONS} AS installations, {_INVOICES} AS invoices
            FROM usage_point point WHERE id = supply.usage_point_id
        ) point
    ) AS "usagePoint"
    FROM agreement_usage_point supply WHERE agreement_id = agreement.id ORDER BY valid_from DESC, id DESC LIMIT 2"""
)
_AGREEMENTS: Final = _EDGES.format(
    rows=f"""
    SELECT agreement_no AS "agreementNo", {_SUPPLIES} AS supplies
    FROM supply_agreement agreement WHERE customer_id = customer.id ORDER BY id LIMIT 2"""
)
# $1 the id of the customer after which the page begins, $2 the number of customers. EXISTS instead of the LIMIT 1 would
# read the table from its beginning: 3.5 ms.
HANDWRITTEN: Final = f"""
SELECT json_build_object(
    'edges', coalesce(json_agg(page.edge), '[]'::json),
    'pageInfo', json_build_object(
        'hasNextPage', (SELECT id FROM customer WHERE id > max(page.id) ORDER BY id LIMIT 1) IS NOT NULL,
        'endCursor', translate(encode(convert_to('["customer", ' || max(page.id) || ']', 'UTF8'), 'base64'), '+/=', '-_')
    )
)
FROM (
    SELECT id, (
        SELECT edge FROM (SELECT (
            SELECT node FROM (SELECT
                customer_no AS "customerNo", upper(kind) AS kind, upper(sector) AS sector,
                {_AGREEMENTS} AS agreements
            ) node
        ) AS node) edge
    ) AS edge
    FROM customer WHERE id > $1 ORDER BY id LIMIT $2
) page
"""

# For PostGraphile: any cursor of its list of customers, whose form it does not document.
A_CURSOR: Final = b'{"query": "{ customers: allCustomers(first: 1) { pageInfo { endCursor } } }"}'

INVOICE_PAGE: Final = """
query Invoices($after: String) {
  invoices(first: 20, after: $after) {
    edges { node { invoiceNo periodStart periodEnd consumptionKwh payableRial } }
    pageInfo { hasNextPage endCursor }
  }
}
"""


def pages(first: int, customers: int, count: int = 1000, seed: int = 1) -> list[tuple[int, int]]:
    """Pages of `first` customers from all over the list: each with the id after which it begins."""
    chosen = random.Random(seed)
    return [(first, chosen.randrange(1, customers - first)) for _ in range(count)]


def graphql_bodies(asked: list[tuple[int, int]]) -> tuple[bytes, ...]:
    return tuple(
        _body(GRAPHQL, {"first": first, "after": encode_cursor(CUSTOMER_ORDER, (after,))})
        for first, after in asked
    )


def handwritten_bodies(asked: list[tuple[int, int]]) -> tuple[bytes, ...]:
    return tuple(
        json.dumps({"first": first, "after": encode_cursor(CUSTOMER_ORDER, (after,))}).encode()
        for first, after in asked
    )


def postgraphile_bodies(asked: list[tuple[int, int]], a_cursor: str) -> tuple[bytes, ...]:
    """`a_cursor`: any cursor of its list of customers; it tells under what name it keeps the order."""
    order = json.loads(base64.b64decode(a_cursor + "=" * (-len(a_cursor) % 4)))[0]

    def cursor(key: int) -> str:
        text = json.dumps([order, str(key)], separators=(",", ":"))
        return base64.b64encode(text.encode()).decode().rstrip("=")

    return tuple(_body(POSTGRAPHILE, {"first": first, "after": cursor(after)}) for first, after in asked)


def invoice_page_bodies(after: list[int | None]) -> tuple[bytes, ...]:
    """The page of invoices behind each of these ids; None is the first page."""
    return tuple(
        _body(INVOICE_PAGE, {"after": None if key is None else encode_cursor(INVOICE_ORDER, (key,))})
        for key in after
    )


def comparable(answer: Any) -> Any:
    """An answer of any of the three, without what each has its own way for.

    PostGraphile writes 64-bit integers as strings, values of our enumerations in lower case, and cursors of its own.
    """
    if isinstance(answer, list):
        return [comparable(part) for part in answer]
    if not isinstance(answer, dict):
        return answer
    plain = {}
    for name, value in answer.items():
        if name in {"kind", "sector"}:
            plain[name] = value.upper()
        elif name == "payableRial":
            plain[name] = int(value)
        elif name != "endCursor":
            plain[name] = comparable(value)
    return plain


def _body(document: str, variables: dict[str, object]) -> bytes:
    return json.dumps({"query": document, "variables": variables}).encode()
