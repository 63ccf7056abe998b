"""The subscription of `docs/how-to/queries.md` runs as it stands there."""

from __future__ import annotations

from typing import Any

from tests.graphql_api.documented import of_kind


async def test_it_tells_of_a_case_as_the_page_shows(utility: Any, start: Any, client: Any) -> None:
    (asked,) = of_kind("subscription")
    server = start()
    async with client(server) as it:
        await it.subscribe(query=asked.query, **asked.variables | {"districts": ["D1"]})
        assert (await it.next())["__typename"] == "Checkpoint"
        await utility.open_cases(district=2, money=asked.variables["least"])
        await utility.open_cases(district=1, money=asked.variables["least"] - 1)
        wanted = await utility.open_cases(district=1, money=asked.variables["least"])
        told = await it.next()
    assert [told["case"]["caseNo"]] == wanted
    shown = asked.answer["data"]["caseFlagged"]
    assert (list(told), list(told["case"])) == (list(shown), list(shown["case"]))
