"""Nobody sees a row outside their scope: whatever is asked, the answer is the same as if no other row existed.

That is more than that no canary appears: counts, sums, pages, cursors and searches are the same as well.
"""

from __future__ import annotations

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
from tests.graphql_api.compiler.conftest import BothPaths, Documents, Vocabulary, principal_of

from .conftest import CANARY, ZONES, named

# Each asks up to two root fields of two companies, every fourth by resolvers too: 0.1 s.
EXAMPLES = 300
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
        made = BothPaths(chosen, Sessions(engine), ReadPool(chosen, size=1), compiler)
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
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=(Phase.explicit, Phase.generate),
)
@given(data=st.data(), place=st.integers(0, 2), resolved=st.integers(0, 3))
async def test_an_answer_is_the_same_as_if_no_other_row_existed(
    twins: Any, documents: Documents, data: Any, place: int, resolved: int
) -> None:
    given_twins, _ = twins
    twin = given_twins[place]
    text = documents.query(data.draw)
    note(twin.name)
    note(text)
    # The compiler answers all; resolvers, slower, every fourth.
    for path in ("compiled", "resolved")[: 1 + (resolved == 0)]:
        alone, _ = await outcome(getattr(twin.alone, path), text, twin.principal)
        whole, told = await outcome(getattr(twin.whole, path), text, twin.principal)
        assert whole == alone, f"{twin.name}, {path}: {text}\n{alone.decode()}\n{whole.decode()}"
        assert CANARY not in told or CANARY in text


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
