"""`invoices`."""

from __future__ import annotations

from typing import Final

import strawberry
from strawberry import UNSET

from graphql_api.billing.filters import InvoiceFilter
from graphql_api.billing.types import Invoice
from graphql_api.compiler.arguments import PageReader
from graphql_api.connections import Connection
from graphql_api.fields import root_many
from graphql_api.parameters import argument
from tarazu.billing import repository

_INVOICES: Final = PageReader({UNSET: repository.INVOICE_ORDER}, fields=repository.invoice_fields)


@strawberry.type
class BillingQueries:
    invoices: Connection[Invoice] = root_many(
        _INVOICES,
        "Invoices, the latest loaded first. Those of one point by period: `usagePoint.invoices`.",
        argument("filter", InvoiceFilter | None, "Which invoices; without it, all."),
    )
