"""`/metrics`: who may read it, and that its labels come from closed sets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from graphql_api.observation import Outcome
from tarazu.app import create_app
from tarazu.app.metrics import Metrics
from tarazu.security.principal import Principal
from tarazu.security.principals import local_operator
from tarazu.settings import Settings

OUTCOME = Outcome("Work", "query", "ok", 0.04, 120, "token:1", "analyst")


def samples(text: str, name: str) -> list[tuple[dict[str, str], float]]:
    return [
        (sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


def test_operations_are_counted_by_name_kind_and_code() -> None:
    metrics = Metrics()
    metrics.note(OUTCOME)
    metrics.note(OUTCOME)
    metrics.note(Outcome("other", "none", "graphql.rate", 0.0, 0, "token:1", "inspector"))
    text = metrics.write().decode()
    assert samples(text, "tarazu_graphql_operations_total") == [
        ({"operation": "Work", "kind": "query", "code": "ok"}, 2.0),
        ({"operation": "other", "kind": "none", "code": "graphql.rate"}, 1.0),
    ]
    assert samples(text, "tarazu_graphql_rate_refusals_total") == [({"role": "inspector"}, 1.0)]
    assert ({"operation": "Work"}, 240.0) in samples(text, "tarazu_graphql_operation_cost_sum")
    buckets = {
        labels["le"]: value
        for labels, value in samples(text, "tarazu_graphql_operation_seconds_bucket")
        if labels["operation"] == "Work"
    }
    assert (buckets["0.025"], buckets["0.05"], buckets["10.0"]) == (0.0, 2.0, 2.0)


class EverybodyIsKnown:
    """These tests are about what is counted, not about who asks."""

    def was_good(self, _authorization: str) -> bool | None:
        return None

    async def authenticate(self, _authorization: str | None) -> Principal:
        return local_operator()


@pytest.fixture
def read(database: Settings) -> Any:
    """Status and text of GET /metrics after an operation of each name."""

    async def run(
        *,
        client: str = "127.0.0.1",
        headers: dict[str, str] | None = None,
        ask: tuple[str, ...] = (),
        **changes: Any,
    ) -> tuple[int, str]:
        app = create_app(database.model_copy(update=changes))
        async with app.router.lifespan_context(app) as state:

            async def with_state(scope: Any, receive: Any, send: Any) -> None:
                scope["state"] = {**state, "authenticator": EverybodyIsKnown()}
                await app(scope, receive, send)

            transport = httpx.ASGITransport(with_state, client=(client, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://tarazu") as http:
                for name in ask:
                    await http.post("/graphql", json={"query": f"query {name} {{ cases {{ totalCount }} }}"})
                response = await http.get("/metrics", headers=headers)
                return response.status_code, response.text

    return run


async def test_this_machine_may_read_and_others_may_not(read: Any) -> None:
    assert (await read())[0] == 200
    assert (await read(client="::1"))[0] == 200
    assert (await read(client="192.0.2.1"))[0] == 404
    assert (await read(headers={"x-forwarded-for": "192.0.2.1"}))[0] == 404
    assert (await read(headers={"forwarded": "for=192.0.2.1"}))[0] == 404


async def test_with_a_token_only_it_opens(read: Any) -> None:
    token = SecretStr("a-long-secret")
    assert (await read(metrics_token=token))[0] == 404
    assert (await read(metrics_token=token, headers={"authorization": "Bearer wrong"}))[0] == 404
    assert (await read(metrics_token=token, headers={"authorization": "Bearer پ".encode()}))[0] == 404
    assert (
        await read(metrics_token=token, client="192.0.2.1", headers={"authorization": "Bearer a-long-secret"})
    )[0] == 200


async def test_only_known_names_become_labels(read: Any) -> None:
    status, text = await read(ask=("Known", "N7731689951", "Known"), api_operations="Known, Another")
    assert status == 200
    assert "7731689951" not in text
    counted = {
        labels["operation"]: value for labels, value in samples(text, "tarazu_graphql_operations_total")
    }
    assert counted == {"Known": 2.0, "other": 1.0}


async def test_a_fault_that_nobody_caught_is_counted_as_one(
    read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("graphql_api.endpoint.Execution.run", broken)
    _, text = await read(ask=("A",))
    ((labels, count),) = samples(text, "tarazu_graphql_operations_total")
    assert (labels["code"], count) == ("INTERNAL", 1.0)


async def test_the_pools_are_looked_at_when_the_metrics_are(read: Any) -> None:
    _, text = await read(ask=("A",))
    pools = [{"pool": "sessions"}, {"pool": "reads"}]
    assert samples(text, "tarazu_database_connections_in_use") == [(pool, 0.0) for pool in pools]
    assert samples(text, "tarazu_database_connections_max") == [(pool, 10.0) for pool in pools]
