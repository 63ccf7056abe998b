"""`debtors`, `debtSummary`, `collectionRatio`."""

from __future__ import annotations

import datetime as dt
from typing import Final

import strawberry

from graphql_api.aggregates import PERIOD
from graphql_api.connections import Connection
from graphql_api.fields import root_many, root_rows
from graphql_api.parameters import argument
from graphql_api.receivables.readers import COLLECTION, DEBT_SUMMARY, DEBTORS
from graphql_api.receivables.types import CollectionRatio, Debtor, DebtSummary
from graphql_api.scalars import Rial
from tarazu.models.enums import Sector, TariffClass
from tarazu.receivables.ageing import BUCKETS_MAX, AgeBucket
from tarazu.receivables.collection import CollectionDimension
from tarazu.receivables.debts import DebtDimension, DebtorKind

_DEBTS: Final = (
    argument("sector", Sector | None, "Only debts of customers of this sector."),
    argument("district", str | None, "Only debts of usage points of the district with this code."),
    argument("tariff_class", TariffClass | None, "Only invoices of periods with this class in force."),
    argument(
        "as_of",
        dt.date | None,
        "The day for which debts are computed, from invoices issued and payments made until then; without it, today.",
    ),
)
_NOTHING: Final = Rial(0)


@strawberry.type
class ReceivablesQueries:
    debtors: Connection[Debtor] = root_many(
        DEBTORS,
        "Who owes, most overdue first.",
        argument(
            "by",
            DebtorKind,
            "Whether a row is a customer at one usage point, or a customer with all points.",
            DebtorKind.USAGE_POINT,
        ),
        argument("age_bucket", AgeBucket | None, "Only debtors whose oldest unpaid invoice is of this age."),
        argument("min_overdue_rial", Rial, "Only debtors with at least this much overdue, rial.", _NOTHING),
        *_DEBTS,
    )
    debt_summary: list[DebtSummary] = root_rows(
        DEBT_SUMMARY,
        "Debts summed by sector, district, tariff class, segment or age; the largest group first.",
        argument(
            "group_by",
            list[DebtDimension],
            "What to sum by; each at most once. Empty: one row with all debts.",
            required=True,
        ),
        argument(
            "age_bounds_days",
            list[int] | None,
            "The buckets of AGE_BUCKET: the last day of all but the last one. [30, 60] makes not overdue, 1–30, 31–60 and "
            f"over 60 days. 1 to {BUCKETS_MAX} numbers, ascending; without it 30, 60, 90, 180, 365.",
        ),
        *_DEBTS,
    )
    collection_ratio: list[CollectionRatio] = root_rows(
        COLLECTION,
        "What was billed in a period, how much of it is paid by now, and what money came in meanwhile; most billed first.",
        *PERIOD,
        argument(
            "group_by",
            list[CollectionDimension],
            "What to sum by; each at most once. Empty: one row with all.",
            required=True,
        ),
    )
