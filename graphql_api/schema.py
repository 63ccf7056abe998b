"""The schema: the queries of all areas together.

`schema.graphql` beside this file is its text, for people and clients to read. A change of the schema changes it in the
same commit: `python -m graphql_api.schema > graphql_api/schema.graphql`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import strawberry
from graphql import GraphQLError, build_schema, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

import graphql_api.enums  # noqa: F401  # makes the enumerations known before types use them
from graphql_api.billing.queries import BillingQueries
from graphql_api.cases.queries import CaseQueries
from graphql_api.context import Info
from graphql_api.customers.queries import CustomerQueries
from graphql_api.errors import TellErrors
from graphql_api.fields import resolver
from graphql_api.limits import LimitDocuments, limit_tokens
from graphql_api.metering.queries import MeteringQueries
from graphql_api.nodes import Node, find_node
from graphql_api.receivables.queries import ReceivablesQueries
from graphql_api.runs.queries import RunQueries
from graphql_api.scalars import SCALARS
from graphql_api.subscriptions.fields import Subscription

SDL_FILE: Final = Path(__file__).with_name("schema.graphql")


@strawberry.type(description="Where every read begins.")
class Query(CaseQueries, CustomerQueries, MeteringQueries, BillingQueries, ReceivablesQueries, RunQueries):
    @resolver(description="Anything by its global id; null where there is nothing.", graphql_type=Node | None)
    @staticmethod
    async def node(
        info: Info,
        id: Annotated[  # noqa: A002  # the argument's name in GraphQL
            strawberry.ID, strawberry.argument(description="The global id.")
        ],
    ) -> Any:
        return await find_node(info, id)


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Logs nothing: `TellErrors` does, and strawberry's own log would hold values of variables."""


schema: Final = Schema(
    query=Query,
    subscription=Subscription,
    types=[],
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[TellErrors, limit_tokens, LimitDocuments],
)


def print_sdl() -> str:
    """The schema as text, sorted, as committed in `schema.graphql`."""
    # Not strawberry's `sort_schema`: its sorted copy no longer knows how to write enumerations.
    return print_schema(lexicographic_sort_schema(build_schema(schema.as_str()))) + "\n"


if __name__ == "__main__":
    sys.stdout.write(print_sdl())
