"""`customer`, `customers`."""

from __future__ import annotations

from typing import Any, Final

import strawberry
from sqlalchemy import ColumnElement, Text
from strawberry import UNSET

from graphql_api.compiler.arguments import Lookup, LookupReader, PageReader, Search
from graphql_api.compiler.binding import Bind, Slot
from graphql_api.compiler.mapping import Columns
from graphql_api.connections import Connection
from graphql_api.customers.filters import CustomerFilter
from graphql_api.customers.types import Customer
from graphql_api.errors import ArgumentError
from graphql_api.fields import argument, root_many, root_one
from graphql_api.filters import plain_text
from graphql_api.ids import key_of, parse_number
from tarazu.customer_service import repository
from tarazu.security.permissions import Permission
from tarazu.text import search_key

# One letter would match a tenth of all customers; a hundred characters are longer than any name.
SEARCH_LENGTH_MIN: Final = 2
SEARCH_LENGTH_MAX: Final = 100


def _key(text: str) -> tuple[str, bool]:
    key = search_key(plain_text(text, "search"))
    if not SEARCH_LENGTH_MIN <= len(key) <= SEARCH_LENGTH_MAX:
        raise ArgumentError(
            f"`search` must have {SEARCH_LENGTH_MIN} to {SEARCH_LENGTH_MAX} characters besides spaces."
        )
    return key, any(character.isdigit() for character in key)


def _found(columns: Columns, bind: Bind, slot: Slot, has_digits: Any) -> ColumnElement[bool]:
    return repository.is_customer_found(columns, bind(slot, Text()), has_digits=has_digits)


_CUSTOMER: Final = LookupReader(
    (
        Lookup("id", lambda value: parse_number(key_of(value, "Customer")), "id"),
        Lookup("customer_no", lambda value: plain_text(value, "customerNo"), "customer_no"),
    )
)
_CUSTOMERS: Final = PageReader(
    {UNSET: repository.CUSTOMER_ORDER},
    fields=repository.customer_fields,
    # Whoever finds a name or a national id learns whose it is.
    search=Search(_key, _found, Permission.READ_PERSONAL_DATA),
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
            "The beginning of a word of the name; or in full the customer number, national id, legal-entity id, bill "
            "id, subscription number or meter serial. Persian and Arabic letters and digits count alike. "
            f"{SEARCH_LENGTH_MIN} to {SEARCH_LENGTH_MAX} characters. Needs the permission `personal_data.read`.",
        ),
        argument("filter", CustomerFilter | None, "Which customers; without it, all."),
    )
