"""Who is refused again and again is not read any more, but for what costs next to nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tarazu.security.permissions import Role

KNOWN = 'query Known { cases(filter: {assignee: {eq: "x"}}) { totalCount } }'
NEW = "{ cases { totalCount } }"
BY_NAMES = "query N($names: [String!]!) { cases(filter: {assignee: {in: $names}}) { totalCount } }"


@pytest.fixture
async def strict(company: Any, world: Any, api_of: Any) -> AsyncIterator[Any]:
    async with api_of(company.model_copy(update={"api_refusals_per_minute": 3})) as started:
        yield started


async def spoil(api: Any, times: int = 3, words: str = "nothing") -> None:
    for n in range(times):
        assert (await api.post(f"{{ {words}{n} }}")).status_code == 400


async def test_after_too_many_refusals_only_what_is_known_goes_on_and_only_for_that_principal(
    strict: Any,
) -> None:
    other = await strict.as_(Role.ANALYST)
    known = await strict.ask(KNOWN)
    await spoil(strict)
    response = await strict.post(NEW)
    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (429, "graphql.too_many_refusals")
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert await strict.ask(KNOWN) == known
    assert (await other.post(NEW)).status_code == 200
    # It is known now, whoever sent it first.
    assert (await strict.post(NEW)).status_code == 200


async def test_the_same_refused_document_counts_once(strict: Any) -> None:
    for _ in range(10):
        await spoil(strict, 1)
    assert (await strict.post(NEW)).status_code == 200


async def test_what_is_too_long_to_be_read_does_not_count(strict: Any) -> None:
    for n in range(5):
        assert (await strict.post("{ cases { totalCount } }" + " " * 40_000 + str(n))).status_code == 400
    assert (await strict.post(NEW)).status_code == 200


async def test_many_values_for_a_known_document_are_read_no_more_either(strict: Any) -> None:
    assert (await strict.post(BY_NAMES, names=["x"])).status_code == 200
    for n in range(3):
        assert (await strict.post(BY_NAMES, names=["x", *[n] * 300])).status_code == 400
    assert (await strict.post(BY_NAMES, names=["x"] * 300)).status_code == 429
    assert (await strict.post(BY_NAMES, names=["y"])).status_code == 200


async def test_development_knows_no_such_limit(company: Any, world: Any, api_of: Any) -> None:
    settings = company.model_copy(update={"api_refusals_per_minute": 3, "api_development": True})
    async with api_of(settings) as api:
        await spoil(api, 10)
        assert (await api.post(NEW)).status_code == 200
