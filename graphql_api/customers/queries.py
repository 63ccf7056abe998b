"""`customer`, `customers`."""

from __future__ import annotations

from typing import Final

import strawberry
from strawberry import UNSET

from graphql_api.compiler.arguments import Lookup, LookupReader, PageReader
from graphql_api.connections import Connection
from graphql_api.customers.filters import CustomerFilter
from graphql_api.customers.types import Customer
from graphql_api.fields import root_many, root_one
from graphql_api.filters import plain_text
from graphql_api.ids import key_of, parse_number
from graphql_api.parameters import argument
from graphql_api.search import SEARCH_DESCRIPTION, search_by
from tarazu.customer_service import repository
from tarazu.customer_service.search import finds_customer

_CUSTOMER: Final = LookupReader(
    (
        Lookup("id", lambda value: parse_number(key_of(value, "Customer")), "id"),
        Lookup("customer_no", lambda value: plain_text(value, "customerNo"), "customer_no"),
    )
)
_CUSTOMERS: Final = PageReader(
    {UNSET: repository.CUSTOMER_ORDER},
    fields=repository.customer_fields,
    search=search_by(finds_customer),
)


@strawberry.type
class CustomerQueries:
    customer: Customer | None = root_one(
        _CUSTOMER,
        "The customer of an id or a number; give one of them. Null where there is none.",
        argument("id", strawberry.ID | None, "Global id of the customer."),
        argument("customer_no", str | None, "The company's own number of the customer."),
    )
    customers: Connection[Customer] = root_many(
        _CUSTOMERS,
        "Customers, a page of them.",
        argument(
            "search",
            str | None,
            SEARCH_DESCRIPTION,
        ),
        argument("filter", CustomerFilter | None, "Which customers; without it, all."),
    )
