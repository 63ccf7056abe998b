"""Nobody sees a row outside their scope: whatever is asked, the answer is the same as if no other row existed.

That is more than that no canary appears: counts, sums, pages, cursors and searches are the same as well.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from graphql import GraphQLError
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from graphql_api import schema as schema_module
from graphql_api.compiler.prepared import Compiler
from graphql_api.ids import encode_id
from tarazu.database import Sessions, create_engine
from tarazu.database.read_pool import ReadPool
from tarazu.models.enums import Sector
from tarazu.security.permissions import Permission
from tests.effort import EFFORT
from tests.graphql_api.compiler.conftest import BothPaths, Documents, Vocabulary, principal_of

from .conftest import CANARY, ZONES, named

# Each is asked by three principals of two companies, every fourth by resolvers too: 300 comparisons in a run.
DOCUMENTS = 100
VARIABLES = {"yes": True, "no": False}
NODES = {
    "Case": "case",
    "Customer": "customer",
    "UsagePoint": "point",
    "Meter": "meter",
    "MeterInstallation": "installation",
    "MeterReading": "reading",
    "EndDeviceEvent": "event",
    "SupplyAgreement": "agreement",
    "Invoice": "invoice",
    "Payment": "payment",
    "Inspection": "inspection",
    "TipOff": "tip_off",
    "District": "district",
    "DistributionTransformer": "transformer",
    "Feeder": "feeder",
    "QuarantinedRow": "refused",
}


@dataclass(repr=False)
class Twins:
    """A company, and what of it one scope has, alone."""

    name: str
    alone: BothPaths
    whole: BothPaths
    principal: Any


@pytest.fixture(scope="session")
async def twins(company_of: Any) -> Any:
    compiler = Compiler(schema_module.schema)
    opened = []

    async def paths(*zones: str) -> tuple[BothPaths, Any]:
        chosen, rows = await company_of(*zones)
        engine = create_engine(chosen)
        made = BothPaths(chosen, Sessions(engine), ReadPool(chosen, size=3), compiler)
        opened.append((made, engine))
        return made, rows

    alone, own = await paths("own")
    district = frozenset({own["own"].district.id})
    private = frozenset({Sector.PRIVATE})
    everything, rows = await paths(*ZONES)
    made = [
        Twins("district", alone, (await paths("own", "abroad"))[0], principal_of(districts=district)),
        Twins("sector", alone, (await paths("own", "state"))[0], principal_of(sectors=private)),
        Twins("both", alone, everything, principal_of(districts=district, sectors=private)),
    ]
    yield made, rows
    for each, engine in opened:
        await each.pool.close()
        await engine.dispose()


@pytest.fixture(scope="session")
def documents(twins: Any) -> Documents:
    """Documents that name rows of all zones."""
    _, rows = twins
    texts = [f"{kind}-{named(zone)}" for zone in ZONES for kind in "SCTMD"]
    words = Vocabulary(
        texts=("F", "X", "T02", *texts, *(f"{named(zone)} assignee" for zone in ZONES)),
        numbers=(0, 1, 2, 3, 4, 7, 1_000_000, 5_000_000),
        dates=("2014-01-01", "2025-01-01", "2025-02-01", "2025-04-01"),
        ids=tuple(
            encode_id(kind, str(rows[zone].rows[row].id)) for zone in ZONES for kind, row in NODES.items()
        ),
        searches=("رضایی", "own", CANARY, *texts, *(rows[zone].customer.national_id for zone in ZONES)),
        own={
            "from": ('"2024-12-01"', '"2025-01-01"', '"2025-02-10"'),
            "to": ('"2025-02-11"', '"2025-04-01"', '"2025-06-01"'),
            "asOf": ('"2024-06-01"', '"2025-03-01"', '"2025-06-01"', "null"),
            "ageBoundsDays": ("[30, 60]", "[1]", "[10, 400]", "null"),
            "minOverdueRial": ("0", "1", "1000000"),
            **{
                name: tuple(f'"{code}-{named(zone)}"' for zone in ZONES)
                for name, code in (("district", "D"), ("transformer", "T"))
            },
            "feeder": ('"F"', '"none"'),
        },
    )
    return Documents(schema_module.schema._schema, words)


async def outcome(ask: Any, text: str, principal: Any) -> tuple[bytes, str]:
    """The answer as text, or the code of the refusal; and, for the canary, all of it."""
    try:
        answered = await ask(text, VARIABLES, principal)
    except GraphQLError as error:
        # A fault has no code.
        return error.original_error.code.encode(), str(error)  # type: ignore[union-attr]  # as above
    if hasattr(answered, "data"):
        errors = [getattr(error.original_error, "code", str(error)) for error in answered.errors or ()]
        data = orjson.dumps([answered.data, errors], option=orjson.OPT_SORT_KEYS)
    else:
        data = orjson.dumps(answered, option=orjson.OPT_SORT_KEYS)
    return data, data.decode()


@settings(
    max_examples=DOCUMENTS * EFFORT,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(data=st.data(), resolved=st.integers(0, 3))
async def test_an_answer_is_the_same_as_if_no_other_row_existed(
    twins: Any, documents: Documents, data: Any, resolved: int
) -> None:
    given_twins, _ = twins
    text = documents.query(data.draw)
    note(text)

    async def compare(twin: Twins, path: str) -> None:
        (alone, _), (whole, told) = await asyncio.gather(
            *(outcome(getattr(company, path), text, twin.principal) for company in (twin.alone, twin.whole))
        )
        assert whole == alone, f"{twin.name}, {path}: {text}\n{alone.decode()}\n{whole.decode()}"
        assert CANARY not in told or CANARY in text

    # The compiler answers all; resolvers, slower, every fourth. While the database plans one, the next is compiled.
    paths = ("compiled", "resolved")[: 1 + (resolved == 0)]
    await asyncio.gather(*(compare(twin, path) for twin in given_twins for path in paths))


async def test_the_canaries_are_there_for_who_may_see_them(twins: Any) -> None:
    """Else the test above would say nothing."""
    given_twins, _ = twins
    both = given_twins[2]
    everybody = principal_of(frozenset(Permission))
    text = (
        "{ customers { totalCount edges { node { name } } } cases { totalCount edges { node { assignee } } }"
        " tipOffs { totalCount edges { node { text } } } invoices { totalCount } districts { edges { node { name } } } }"
    )
    told = orjson.dumps(await both.whole.compiled(text, {}, everybody)).decode()
    assert told.count(CANARY) >= 10
    assert CANARY not in orjson.dumps(await both.whole.compiled(text, {}, both.principal)).decode()
