"""`case`, `cases`, `caseSummary`, `inspections`, `rules`."""

from __future__ import annotations

from typing import Final

import strawberry
from strawberry import UNSET

from graphql_api.cases.filters import CASE_ORDERS, CaseFilter, CaseOrder, RuleFilter
from graphql_api.cases.inspection_types import Inspection
from graphql_api.cases.readers import CASE_SUMMARY, RULES
from graphql_api.cases.rule_types import Rule
from graphql_api.cases.types import Case, CaseSummary
from graphql_api.compiler.arguments import Lookup, LookupReader, PageReader
from graphql_api.connections import Connection
from graphql_api.fields import CASE_GUARDS, root_many, root_one, root_rows
from graphql_api.ids import key_of, parse_uuid
from graphql_api.parameters import argument
from graphql_api.scalars import Long
from tarazu.cases import repository
from tarazu.cases.fields import case_fields
from tarazu.cases.summary import CaseDimension
from tarazu.security.permissions import Permission

_CASE: Final = LookupReader(
    (
        Lookup("id", lambda value: parse_uuid(key_of(value, "Case")), "id"),
        Lookup("case_no", int, "case_no"),
    )
)
_CASES: Final = PageReader(
    CASE_ORDERS,
    default_orders=(CaseOrder.PRIORITY, CaseOrder.NEWEST),
    fields=case_fields,
    guards=CASE_GUARDS,
    order_guards={CaseOrder.PRIORITY: Permission.READ_SCORES},
)
_INSPECTIONS: Final = PageReader({UNSET: repository.INSPECTION_ORDER})


@strawberry.type
class CaseQueries:
    case: Case | None = root_one(
        _CASE,
        "The case of an id or a case number; give one of them. Null where there is none.",
        argument("id", strawberry.ID | None, "Global id of the case."),
        argument("case_no", Long | None, "Number of the case."),
    )
    cases: Connection[Case] = root_many(
        _CASES,
        "Cases, a page of them.",
        argument("filter", CaseFilter | None, "Which cases; without it, all."),
        argument(
            "order",
            CaseOrder | None,
            "The order of the list; without it PRIORITY, or NEWEST for those who may not see scores.",
        ),
    )
    inspections: Connection[Inspection] = root_many(_INSPECTIONS, "Inspections, the newest first.")
    case_summary: list[CaseSummary] = root_rows(
        CASE_SUMMARY,
        "Cases counted and summed by state, family, district, rule, severity or assignee; most money at risk first, or for "
        "those who may not see scores, most cases first.",
        argument(
            "group_by",
            list[CaseDimension],
            "What to count by; each at most once. Empty: one row with all.",
            required=True,
        ),
        argument("filter", CaseFilter | None, "Which cases; without it, all."),
    )
    rules: list[Rule] = root_rows(
        RULES,
        "The rules that scans have used, each with its current version, by id.",
        argument("filter", RuleFilter | None, "Which rules; without it, all."),
    )
