"""A made-up utility in the form of the public data, imported: losses go with meters that were changed."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from etl.importer import run_import
from tarazu.settings import Settings
from tests.etl.conftest import _copy_database, _drop_database

CLIENTS = 160
BILLS = 16


def _write(folder: Path) -> None:
    chance = np.random.default_rng(4)
    clients, invoices = [], []
    for number in range(CLIENTS):
        client = f"client_{number}"
        is_changed = number % 4 == 0
        hit = chance.random() < (0.6 if is_changed else 0.05)
        clients.append(
            {
                "disrict": 60 + number % 2,
                "client_id": client,
                "client_catg": 11,
                "region": 101 + number % 3,
                "creation_date": "01/02/1999",
                "target": float(hit),
            }
        )
        for commodity in ("ELEC", "GAZ")[: 1 + number % 2]:
            index = 0
            for bill in range(BILLS):
                is_new = is_changed and bill >= 9
                index = 0 if is_new and bill == 9 else index
                kwh = int(chance.gamma(4, 60))
                invoices.append(
                    {
                        "client_id": client,
                        "invoice_date": (dt.date(2013, 1, 10) + dt.timedelta(days=122 * bill)).isoformat(),
                        "tarif_type": 11,
                        "counter_number": 100_000 + number * 10 + is_new,
                        "counter_statue": "0",
                        "counter_code": 203,
                        "reading_remarque": 6 + number % 3,
                        "counter_coefficient": 1,
                        "consommation_level_1": min(kwh, 200),
                        "consommation_level_2": max(0, kwh - 200),
                        "consommation_level_3": 0,
                        "consommation_level_4": 0,
                        "old_index": index,
                        "new_index": index + kwh,
                        "months_number": 4,
                        "counter_type": commodity,
                    }
                )
                index += kwh
    pl.DataFrame(clients).write_csv(folder / "client.csv")
    pl.DataFrame(invoices).write_csv(folder / "invoice.csv")


@pytest.fixture(scope="session")
async def ranked_template(
    database_server, template_database, settings_for: Callable[..., Settings], tmp_path_factory
) -> AsyncIterator[str]:
    """The name of a database with that utility in it, to copy."""
    folder = tmp_path_factory.mktemp("ranked")
    _write(folder)
    name = f"ranked_{uuid.uuid4().hex}"
    _copy_database(database_server, template_database, name)
    imported = await run_import(settings_for(name), "steg", [str(folder)])
    assert imported.state == "succeeded"
    yield name
    _drop_database(database_server, name)


@pytest.fixture
def ranked(new_copy: Callable[[str], Settings], ranked_template: str) -> Settings:
    """A copy of that utility where whoever was not found out passes for clean."""
    return new_copy(ranked_template).model_copy(
        update={"ranking_least_outcomes": 10, "ranking_uninspected": "clean"}
    )
