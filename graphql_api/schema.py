"""The schema: the queries and mutations of all areas together.

`schema.graphql` beside this file is its text, for people and clients to read. A change of the schema changes it in the
same commit: `python -m graphql_api.schema > graphql_api/schema.graphql`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import strawberry
from graphql import GraphQLError, build_schema, lexicographic_sort_schema, print_schema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

import graphql_api.enums  # noqa: F401  # makes the enumerations known before types use them
from graphql_api.billing.queries import BillingQueries
from graphql_api.cases.queries import CaseQueries
from graphql_api.customers.queries import CustomerQueries
from graphql_api.errors import TellErrors
from graphql_api.metering.queries import MeteringQueries
from graphql_api.network.queries import NetworkQueries
from graphql_api.nodes import root_node
from graphql_api.receivables.queries import ReceivablesQueries
from graphql_api.rows import Node
from graphql_api.runs.queries import RunQueries
from graphql_api.scalars import SCALARS
from graphql_api.subscriptions.fields import Subscription
from graphql_api.tip_offs.mutations import TipOffMutations
from graphql_api.tip_offs.queries import TipOffQueries
from graphql_api.triage.batches import BatchMutations
from graphql_api.triage.mutations import TriageMutations

SDL_FILE: Final = Path(__file__).with_name("schema.graphql")


@strawberry.type(description="Where every read begins.")
class Query(
    CaseQueries,
    CustomerQueries,
    MeteringQueries,
    NetworkQueries,
    BillingQueries,
    ReceivablesQueries,
    RunQueries,
    TipOffQueries,
):
    node: Node | None = root_node("Anything by its global id; null where there is nothing.")


@strawberry.type(
    description=(
        "Every change. An operation has exactly one; it is done once for each `clientMutationKey` of a caller, and an answer "
        "with `errors` has changed nothing."
    )
)
class Mutation(TriageMutations, BatchMutations, TipOffMutations):
    pass


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Logs nothing: `TellErrors` does, and strawberry's own log would hold values of variables."""


schema: Final = Schema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[],
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[TellErrors],
)


def print_sdl() -> str:
    """The schema as text, sorted, as committed in `schema.graphql`."""
    # Not strawberry's `sort_schema`: its sorted copy no longer knows how to write enumerations.
    return print_schema(lexicographic_sort_schema(build_schema(schema.as_str()))) + "\n"


if __name__ == "__main__":
    sys.stdout.write(print_sdl())
