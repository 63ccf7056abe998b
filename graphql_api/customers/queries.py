"""`customer`, `customers`."""

from __future__ import annotations

from typing import Annotated, Any, Final

import strawberry
from strawberry import UNSET

from graphql_api.connections import PAGE_SIZE, After, Connection, ConnectionOf, First, root
from graphql_api.context import Info
from graphql_api.customers.types import Customer
from graphql_api.errors import ArgumentError
from graphql_api.fields import resolver
from graphql_api.filters import AND, NOT, OR, Filter, StringFilter, condition, plain_text
from graphql_api.ids import key_of, parse_number
from tarazu import models
from tarazu.customer_service import repository
from tarazu.models.enums import CustomerKind, Sector
from tarazu.text import search_key

# One letter would match a tenth of all customers; a hundred characters are longer than any name.
SEARCH_LENGTH_MIN: Final = 2
SEARCH_LENGTH_MAX: Final = 100


@strawberry.input(description="Which customers; all fields given must hold.")
class CustomerFilter:
    kind: Filter[CustomerKind] | None = strawberry.field(default=UNSET, description="Person or legal entity.")
    sector: Filter[Sector] | None = strawberry.field(default=UNSET, description="Government or private.")
    customer_no: StringFilter | None = strawberry.field(
        default=UNSET, description="The company's own number."
    )
    and_: list[CustomerFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[CustomerFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: CustomerFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)


@strawberry.type
class CustomerQueries:
    @resolver(
        description="The customer of an id or a number; give one of them. Null where there is none.",
        graphql_type=Customer | None,
    )
    @staticmethod
    async def customer(
        info: Info,
        id: Annotated[  # noqa: A002  # the argument's name in GraphQL
            strawberry.ID | None, strawberry.argument(description="Global id of the customer.")
        ] = UNSET,
        customer_no: Annotated[
            str | None, strawberry.argument(description="The company's own number of the customer.")
        ] = UNSET,
    ) -> models.Customer | None:
        if id and not customer_no:
            key = parse_number(key_of(id, "Customer"))
            return await info.context.load(repository.customers_by_id, key)
        if customer_no and not id:
            number = plain_text(customer_no, "customerNo")
            return await info.context.load(repository.customers_by_no, number)
        raise ArgumentError("Give either `id` or `customerNo`.")

    @resolver(description="Customers, a page of them.", graphql_type=Connection[Customer])
    @staticmethod
    def customers(
        info: Info,
        search: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "The beginning of a word of the name; or in full the customer number, national id, legal-entity "
                    "id, bill id, subscription number or meter serial. Persian and Arabic letters and digits count "
                    f"alike. {SEARCH_LENGTH_MIN} to {SEARCH_LENGTH_MAX} characters."
                )
            ),
        ] = UNSET,
        filter: Annotated[  # noqa: A002  # the argument's name in GraphQL
            CustomerFilter | None, strawberry.argument(description="Which customers; without it, all.")
        ] = UNSET,
        first: First = PAGE_SIZE,
        after: After = UNSET,
    ) -> ConnectionOf[Any]:
        needle = None
        if search is not None and search is not UNSET:
            needle = search_key(plain_text(search, "search"))
            if not SEARCH_LENGTH_MIN <= len(needle) <= SEARCH_LENGTH_MAX:
                raise ArgumentError(
                    f"`search` must have {SEARCH_LENGTH_MIN} to {SEARCH_LENGTH_MAX} characters besides spaces."
                )
        statement = repository.customers(condition(filter), needle)
        return root(info, models.Customer, statement, repository.CUSTOMER_ORDER, first, after)
