"""Rows in = loaded + unchanged + quarantined, whatever stands in the file; and the same file again is nothing new."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl.importer import run_import

COLUMNS = ["subscription_no", "district_code", "phase_count", "latitude", "energised_on", "address"]
SOUND = st.tuples(
    st.integers(1, 6).map(str),
    st.sampled_from(["1", "2"]),
    st.sampled_from(["1", "3", "۳", ""]),
    st.sampled_from(["35.1", "-90", "۳۴/۵", ""]),
    st.sampled_from(["2020-01-31", "2024-02-29", ""]),
    st.sampled_from(["a", "b, c", 'd "e"', "f\ng", "۱۲"]),
)
FAULTS = st.tuples(
    st.sampled_from(["", "1", "7"]),
    st.sampled_from(["", "1", "9"]),
    st.sampled_from(["2", "x", "99999999999", "1.5"]),
    st.sampled_from(["91", "north", "nan"]),
    st.sampled_from(["2023-02-29", "2024-13-01", "0000-00-00", "tomorrow"]),
    st.sampled_from(["", "\x00", "a"]),
)
ROWS = st.lists(
    st.one_of(
        SOUND.map(list),
        FAULTS.map(list),
        SOUND.map(lambda row: [*row, "more"]),
        SOUND.map(lambda row: list(row[:-1])),
        st.just(['un"quoted']),
    ),
    max_size=12,
)


def write(path: Path, rows: list[list[str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.writer(handle)
        writer.writerow(COLUMNS)
        for row in rows:
            if row == ['un"quoted']:
                handle.write('3,1,"open,,,\n')
            else:
                writer.writerow(row)


@pytest.fixture
def with_districts(database, sql_for):
    sql = sql_for(database)
    sql("INSERT INTO district (code) VALUES ('1'), ('2')")
    return database, sql


def test_every_row_is_loaded_unchanged_or_quarantined_and_the_same_file_again_is_nothing_new(
    with_districts, tmp_path
):
    database, sql = with_districts
    path = tmp_path / "usage_point.csv"

    @settings(
        max_examples=10,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(rows=ROWS)
    def holds(rows: list[list[str]]) -> None:
        write(path, rows)
        sql("DELETE FROM usage_point")
        sql("DELETE FROM quarantined_row")
        first = asyncio.run(run_import(database, "tarazu", [path]))
        points = sql("SELECT id, subscription_no FROM usage_point ORDER BY id")
        refused = sql("SELECT fingerprint FROM quarantined_row ORDER BY id")
        again = asyncio.run(run_import(database, "tarazu", [path]))

        total, repeated = first.total, again.total
        read = sum(file.rows for file in first.files)
        assert total.rows_in == read
        assert min(total.loaded, total.unchanged, total.quarantined) >= 0
        assert total.loaded == len(points)
        assert len(refused) <= total.quarantined
        assert bool(refused) == bool(total.quarantined)
        assert (repeated.rows_in, repeated.loaded, repeated.reasons) == (total.rows_in, 0, total.reasons)
        assert repeated.unchanged == total.loaded + total.unchanged
        assert sql("SELECT id, subscription_no FROM usage_point ORDER BY id") == points
        assert sql("SELECT fingerprint FROM quarantined_row ORDER BY id") == refused

    holds()
