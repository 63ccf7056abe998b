"""What every operation passes before it runs, over HTTP and over a socket alike.

Trusted documents → parsed and validated (remembered) → operation chosen → variables coerced → cost → rate. Who is refused
too often is not read any more, but for what costs next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from graphql import GraphQLSchema
from graphql.execution.values import VariableValues

from graphql_api.documents import Document, Documents, OperationKind, check_variables
from graphql_api.limits.cost import Cost, Costs
from graphql_api.limits.rate import CostRate, RateError, Refusals
from graphql_api.limits.trusted import TrustedDocuments, names_of
from graphql_api.limits.weights import load_weights
from graphql_api.refusals import OperationChoiceError, RefusedError
from graphql_api.request import GraphqlRequest
from tarazu.security.principal import Principal
from tarazu.settings import Settings

# Values of variables that are checked in half a millisecond.
_CHEAP_VALUES_MAX: Final = 200


@dataclass(frozen=True, slots=True)
class Admitted:
    """An operation that may run, already paid for."""

    document: Document
    variables: VariableValues
    """`.coerced` has the values; graphql-core's `execute` wants the ones that the client sent."""
    cost: Cost
    remaining: int
    """What is left of the principal's budget for this minute."""

    @property
    def extensions(self) -> dict[str, Any]:
        """For the answer's `extensions`."""
        return {"cost": {"charged": self.cost.total, "limit": self.cost.limit, "remaining": self.remaining}}


class Gate:
    """One for a process: it remembers documents and counts costs."""

    def __init__(
        self,
        documents: Documents,
        costs: Costs,
        rate: CostRate,
        refusals: Refusals | None,
        trusted: TrustedDocuments,
        *,
        operation_names: frozenset[str] = frozenset(),
    ) -> None:
        self.documents = documents
        self._costs = costs
        self._rate = rate
        self._refusals = refusals
        self._trusted = trusted
        # Whatever a client makes up could identify somebody, so only these reach metrics and the log.
        self._names = operation_names | names_of(documents, trusted.texts())

    @classmethod
    def of(cls, schema: GraphQLSchema, settings: Settings) -> Gate:
        """Raises ManifestError, WeightsError, RateStorageError."""
        return cls(
            Documents(schema, development=settings.api_development),
            Costs(schema, load_weights(), limit=settings.api_cost_max),
            CostRate.of(settings),
            # Whoever develops an application is refused all day.
            None if settings.api_development else Refusals(settings.api_refusals_per_minute),
            TrustedDocuments.read(settings.trusted_documents),
            operation_names=settings.api_operation_names,
        )

    async def admit(
        self, request: GraphqlRequest, principal: Principal, *, kinds: frozenset[OperationKind]
    ) -> Admitted:
        """The operation, charged to the principal. Raises RefusedError; the classes that derive from it say why."""
        text = self._trusted.resolve(request.query, request.document_sha256, principal)
        if self._refusals is None or self._is_cheap(text, request):
            return await self._admit(text, request, principal, kinds)
        self._refusals.check(principal)
        try:
            return await self._admit(text, request, principal, kinds)
        except RateError:
            raise  # of how much, not of what
        except RefusedError:
            self._refusals.note(principal)
            raise

    def _is_cheap(self, text: str, request: GraphqlRequest) -> bool:
        return self.documents.remembers(text) and check_variables(request.variables) <= _CHEAP_VALUES_MAX

    async def _admit(
        self, text: str, request: GraphqlRequest, principal: Principal, kinds: frozenset[OperationKind]
    ) -> Admitted:
        document = self.documents.get(text, request.operation_name)
        if document.kind not in kinds:
            raise OperationChoiceError(
                f"A {document.kind} cannot be sent this way.",
                mend="Send subscriptions over graphql-transport-ws, all else as POST.",
            )
        variables = self.documents.coerce(document, request.variables)
        cost = self._costs.charge(document, variables.coerced)
        remaining = await self._rate.charge(principal, cost.total)
        return Admitted(document, variables, cost, remaining)

    def shown_name(self, document: Document | None) -> str:
        """The operation's name where it is known, else `anonymous` or `other`: for metrics and the log."""
        if document is None:
            return "other"
        if document.name is None:
            return "anonymous"
        return document.name if document.name in self._names else "other"
