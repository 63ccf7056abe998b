"""A client that changes cases."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from graphql_api.ids import encode_id
from tarazu.app import create_app
from tarazu.cases import desk
from tarazu.security.authentication import UnauthenticatedError
from tarazu.security.principal import Principal

REFUSED = (
    "... on MutationError { code message } ... on ConflictError { currentVersion } "
    "... on InvalidTransitionError { state } ... on InvalidInputError { field }"
)
CASE = "id caseNo state version assignee closedAt closedReason"
VISIT = "id inspectionNo orderedOn inspectedOn outcome note"
OF_CASE = f"... on CasePayload {{ case {{ {CASE} }} }} {REFUSED}"
OF_COMMENT = (
    f"... on CommentPayload {{ case {{ {CASE} }} comment {{ text author createdAt }} }} "
    "... on MutationError { code message } ... on ConflictError { currentVersion } ... on InvalidInputError { field }"
)
OF_ORDER = f"... on OrderPayload {{ case {{ {CASE} }} inspection {{ {VISIT} }} }} {REFUSED}"
SELECTIONS = {
    "assignCase": OF_CASE,
    "startCaseReview": OF_CASE,
    "dismissCase": OF_CASE,
    "reopenCase": OF_CASE,
    "commentCase": OF_COMMENT,
    "linkCases": (
        f"... on LinkPayload {{ case {{ {CASE} }} otherCase {{ {CASE} }} kind }} "
        "... on MutationError { code message } ... on ConflictError { currentVersion } ... on InvalidInputError { field }"
    ),
    "mergeCase": f"... on MergePayload {{ case {{ {CASE} }} intoCase {{ {CASE} }} }} {REFUSED}",
    "orderInspection": OF_ORDER,
    "recordInspectionOutcome": (
        f"... on OutcomePayload {{ case {{ {CASE} }} inspection {{ {VISIT} }} nextInspection {{ {VISIT} }} }} {REFUSED}"
    ),
    **{
        name: f"... on {payload} {{ results {{ caseId result {{ __typename {inner} }} }} }} "
        "... on MutationError { code message } ... on InvalidInputError { field }"
        for name, payload, inner in (
            ("assignCases", "CasesPayload", OF_CASE),
            ("dismissCases", "CasesPayload", OF_CASE),
            ("commentCases", "CommentsPayload", OF_COMMENT),
            ("orderInspections", "OrdersPayload", OF_ORDER),
        )
    },
}


def global_id(case: Any) -> str:
    return encode_id("Case", str(case.id))


def mutation(verb: str) -> str:
    kind = f"{verb[0].upper()}{verb[1:]}Input"
    return f"mutation($input: {kind}!) {{ {verb}(input: $input) {{ __typename {SELECTIONS[verb]} }} }}"


class Badges:
    """An authenticator: a bearer is the number of a principal. Tokens are tested where they are made."""

    def __init__(self) -> None:
        self._principals: list[Principal] = []

    def of(self, principal: Principal) -> str:
        if principal not in self._principals:
            self._principals.append(principal)
        return f"Bearer {self._principals.index(principal)}"

    def was_good(self, _authorization: str) -> bool | None:
        return None

    async def authenticate(self, authorization: str | None) -> Principal:
        if authorization is None:
            raise UnauthenticatedError
        return self._principals[int(authorization.removeprefix("Bearer "))]


@dataclass
class Clerk:
    """Sends mutations to the application, each under a new key where none is given."""

    http: httpx.AsyncClient
    principal: Principal
    badges: Badges
    engine: Any
    """Of the application, for events."""
    keys: Any = field(default_factory=itertools.count)

    async def post(self, body: Any, principal: Principal | None = None) -> httpx.Response:
        headers = {"authorization": self.badges.of(principal or self.principal)}
        return await self.http.post("/graphql", json=body, headers=headers)

    async def send(
        self, verb: str, *, key: str | None = None, principal: Principal | None = None, **given: Any
    ) -> httpx.Response:
        return await self.post(self.body(verb, key=key, **given), principal)

    def body(self, verb: str, *, key: str | None = None, **given: Any) -> dict[str, Any]:
        key = key or f"key-{next(self.keys):06d}"
        return {
            "query": mutation(verb),
            "variables": {"input": {"clientMutationKey": key, **given}},
        }

    async def do(self, verb: str, *, principal: Principal | None = None, **given: Any) -> dict[str, Any]:
        """The answer's union member."""
        response = await self.send(verb, principal=principal, **given)
        body = response.json()
        assert "errors" not in body, body["errors"]
        assert response.status_code == 200
        return body["data"][verb]


@pytest.fixture
async def clerk(database: Any, office: Any, principal_of: Callable[..., Principal]) -> AsyncIterator[Clerk]:
    """An office manager's client, who may do everything everywhere."""
    app = create_app(database)
    badges = Badges()
    async with app.router.lifespan_context(app) as state:

        async def with_state(scope: Any, receive: Any, send: Any) -> None:
            scope["state"] = {**state, "authenticator": badges}
            await app(scope, receive, send)

        transport = httpx.ASGITransport(with_state)
        async with httpx.AsyncClient(transport=transport, base_url="http://tarazu") as http:
            yield Clerk(http, principal_of(), badges, state["sessions"].engine.sync_engine)


@pytest.fixture
def entries(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is handed to the audit log."""
    noted: list[Any] = []

    async def record(_session: Any, given: Any) -> None:
        noted.extend(given)

    monkeypatch.setattr(desk.audit, "record", record)
    return noted
