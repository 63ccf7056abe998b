"""The merge against a plain model of it: files one after the other, rows that repeat, contradict and exchange keys."""

from __future__ import annotations

import asyncio
import csv
import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from etl.importer import run_import

MAPPING = """
mapping: bills
calendar: gregorian
files:
  - name: bills
    match: ["bills*.csv"]
    entities:
      - entity: meter
        when: {column: meter, not_null: true}
        fields:
          serial_no: {column: meter}
          model: {column: model}
      - entity: meter_installation
        when: {column: meter, not_null: true}
        fields:
          usage_point: {column: point}
          meter: {column: meter}
          valid_from: {column: start, reduce: min}
      - entity: usage_point_term
        fields:
          usage_point: {column: point}
          valid_from: {column: start}
          tariff_class: {const: residential}
      - entity: invoice
        fields:
          usage_point: {column: point}
          installation: {usage_point: {column: point}, meter: {column: meter}}
          invoice_no: {column: no}
          billing_year: {column: year}
          billing_period: {column: period}
          period_start: {column: start}
          period_end: {const: 2021-01-01}
          consumption_kwh: {const: 1}
          payable_rial: {column: payable, convert: rial}
"""
COLUMNS = ("point", "meter", "model", "no", "year", "period", "start", "payable")
POINTS = ("p1", "p2")

Row = dict[str, str]

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "point": st.sampled_from(["p1", "p1", "p2", "nowhere"]),
            "meter": st.sampled_from(["", "m1", "m2"]),
            "model": st.sampled_from(["a", "a", "a", "b"]),
            "no": st.sampled_from(["1", "2", "3"]),
            "year": st.sampled_from(["1403", "1403", ""]),
            "period": st.sampled_from(["1", "2", "3"]),
            "start": st.sampled_from(["2020-01-01", "2020-03-01", "2020-05-01"]),
            "payable": st.sampled_from(["5", "5", "6", "-1"]),
        }
    ),
    min_size=1,
    max_size=7,
)


@dataclass
class Model:
    """What the tables should hold: rows by their natural keys."""

    meters: dict[str, str] = field(default_factory=dict)
    installations: dict[tuple[str, str], str] = field(default_factory=dict)
    terms: set[tuple[str, str]] = field(default_factory=set)
    invoices: dict[tuple[str, str], tuple[str | None, str | None, str | None, str, str]] = field(
        default_factory=dict
    )

    def load(self, rows: list[Row]) -> tuple[Counter[str], Counter[tuple[str, str]]]:
        """Loaded by entity, refused by entity and reason."""
        loaded: Counter[str] = Counter()
        refused: Counter[tuple[str, str]] = Counter()
        with_meter = [row for row in rows if row["meter"]]

        firsts: dict[str, str] = {}
        for row in with_meter:
            if firsts.setdefault(row["meter"], row["model"]) != row["model"]:
                refused["meter", "duplicate_key"] += 1
        loaded["meter"] = sum(self.meters.get(key) != model for key, model in firsts.items())
        self.meters |= firsts

        starts: dict[tuple[str, str], str] = {}
        for row in with_meter:
            key = (row["point"], row["meter"])
            if row["point"] not in POINTS:
                refused["meter_installation", "unknown_parent"] += 1
            else:
                starts[key] = min(starts.get(key, row["start"]), row["start"])
        for key, first in starts.items():
            start = min(first, self.installations.get(key, first))
            loaded["meter_installation"] += self.installations.get(key) != start
            self.installations[key] = start

        terms = {(row["point"], row["start"]) for row in rows if row["point"] in POINTS}
        refused["usage_point_term", "unknown_parent"] = sum(row["point"] not in POINTS for row in rows)
        loaded["usage_point_term"] = len(terms - self.terms)
        self.terms |= terms

        self._load_invoices(rows, loaded, refused)
        return loaded, +refused

    def _load_invoices(
        self, rows: list[Row], loaded: Counter[str], refused: Counter[tuple[str, str]]
    ) -> None:
        # What one row decides alone comes first, in the order of the fields and then of the checks.
        sound = []
        for row in rows:
            if row["year"] == "":
                refused["invoice", "billing_period"] += 1
            elif row["payable"] == "-1":
                refused["invoice", "negative_amount"] += 1
            else:
                sound.append(row)
        firsts: dict[tuple[str, str], Row] = {}
        repeats: Counter[tuple[str, str]] = Counter()
        told = ("meter", "year", "period", "start", "payable")
        for row in sound:
            first = firsts.setdefault((row["point"], row["no"]), row)
            if any(first[name] != row[name] for name in told):
                refused["invoice", "duplicate_key"] += 1
            else:
                repeats[row["point"], row["no"]] += 1
        accepted = {}
        for key, row in firsts.items():
            if row["point"] in POINTS:
                accepted[key] = row
            else:
                refused["invoice", "unknown_parent"] += repeats[key]
        while True:
            taken = {(key[0], *value[1:3]) for key, value in self.invoices.items() if key not in accepted}
            conflicts = []
            for key, row in accepted.items():
                second = (row["point"], row["year"], row["period"])
                if second in taken:
                    conflicts.append(key)
                taken.add(second)
            for key in conflicts:
                refused["invoice", "duplicate_period"] += repeats[key]
                del accepted[key]
            if not conflicts:
                break
        for key, row in accepted.items():
            value = (row["meter"] or None, row["year"], row["period"], row["start"], row["payable"])
            loaded["invoice"] += self.invoices.get(key) != value
            self.invoices[key] = value


def contents(sql):
    """What the tables do hold, in the model's form, and the ends of the terms."""
    meters = dict(sql("SELECT serial_no, model FROM meter"))
    installations = sql(
        "SELECT subscription_no, serial_no, i.valid_from::text FROM meter_installation i"
        " JOIN usage_point p ON p.id = usage_point_id JOIN meter m ON m.id = meter_id"
    )
    terms = sql(
        "SELECT subscription_no, valid_from::text, valid_to::text FROM usage_point_term t"
        " JOIN usage_point p ON p.id = usage_point_id ORDER BY 1, 2"
    )
    invoices = sql(
        "SELECT subscription_no, invoice_no, serial_no, billing_year::text, billing_period::text,"
        " period_start::text, payable_rial::text FROM invoice v JOIN usage_point p ON p.id = v.usage_point_id"
        " LEFT JOIN meter_installation i ON i.id = v.installation_id LEFT JOIN meter m ON m.id = meter_id"
    )
    return (
        meters,
        {(point, meter): start for point, meter, start in installations},
        terms,
        {(point, number): tuple(rest) for point, number, *rest in invoices},
    )


def closed(terms):
    """The terms of the model with their ends: each ends where the next one of its point begins."""
    ordered = sorted(terms)
    following = [*ordered, ("", "")][1:]
    return [
        (point, start, after if next_point == point else None)
        for (point, start), (next_point, after) in zip(ordered, following, strict=True)
    ]


def write(path, rows):
    with path.open("w", newline="", encoding="utf-8") as handle:
        writer = csv.DictWriter(handle, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def empty(database, sql_for, tmp_path):
    """Two usage points, and a function that empties all else."""
    sql = sql_for(database)
    sql("INSERT INTO district (code) VALUES ('d')")
    sql(
        "INSERT INTO usage_point (subscription_no, district_id)"
        " SELECT s, id FROM district, unnest(ARRAY['p1', 'p2']) AS s"
    )
    mapping = tmp_path / "bills.yaml"
    mapping.write_text(MAPPING, encoding="utf-8")

    def clear():
        sql("TRUNCATE invoice, receivable, invoice_line, payment_allocation, meter_installation, meter, usage_point_term, finding,"
            " interval_reading, meter_reading, meter_multiplier, end_device_event, quarantined_row")  # fmt: skip

    return database, sql, mapping, clear


def test_files_one_after_the_other_end_where_the_model_does(empty, tmp_path):
    database, sql, mapping, clear = empty
    path = tmp_path / "bills.csv"

    @settings(
        max_examples=15,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(files=st.lists(ROWS, min_size=1, max_size=2))
    def holds(files: list[list[Row]]) -> None:
        clear()
        model = Model()
        for rows in files:
            write(path, rows)
            loaded, refused = model.load(rows)
            summary = asyncio.run(run_import(database, str(mapping), [path]))
            assert summary.state == "succeeded"
            found = {
                (entity, reason): count
                for entity, counts in summary.entities.items()
                for reason, count in counts.reasons.items()
            }
            assert found == refused
            assert {name: counts.loaded for name, counts in summary.entities.items()} == {
                name: loaded[name] for name in summary.entities
            }
            assert all(counts.unchanged >= 0 for counts in summary.entities.values())
            assert contents(sql) == (model.meters, model.installations, closed(model.terms), model.invoices)
        again = asyncio.run(run_import(database, str(mapping), [path]))
        assert again.total.loaded == 0
        assert again.total.reasons == summary.total.reasons

    holds()


async def test_two_invoices_exchange_their_periods_in_one_file(empty, tmp_path):
    database, sql, mapping, _ = empty
    path = tmp_path / "bills.csv"
    bill = {"point": "p1", "meter": "", "model": "", "year": "1403", "start": "2020-01-01", "payable": "5"}
    write(path, [bill | {"no": "1", "period": "1"}, bill | {"no": "2", "period": "2"}])
    await run_import(database, str(mapping), [path])
    write(path, [bill | {"no": "1", "period": "2"}, bill | {"no": "2", "period": "1"}])
    summary = await run_import(database, str(mapping), [path])

    assert summary.entities["invoice"].loaded == 2
    assert sql("SELECT invoice_no, billing_period FROM invoice ORDER BY 1") == [("1", 2), ("2", 1)]


async def test_a_source_that_says_when_a_period_ends_is_believed(database, sql_for, tmp_path):
    sql = sql_for(database)
    sql("INSERT INTO district (code) VALUES ('d')")
    sql("INSERT INTO usage_point (subscription_no, district_id) SELECT 'p', id FROM district")
    path = tmp_path / "usage_point_term.csv"
    header = "subscription_no,valid_from,valid_to,tariff_class"
    path.write_text(
        f"{header}\np,2020-01-01,2020-02-01,residential\np,2020-06-01,,residential\np,2021-01-01,,industrial\n"
    )
    first = await run_import(database, "tarazu", [path])
    again = await run_import(database, "tarazu", [path])
    path.write_text(f"{header}\np,2020-09-01,,residential\n")
    between = await run_import(database, "tarazu", [path])

    day = dt.date
    assert (first.total.loaded, again.total.loaded, between.total.loaded) == (3, 0, 1)
    assert sql("SELECT valid_from, valid_to FROM usage_point_term ORDER BY 1") == [
        (day(2020, 1, 1), day(2020, 2, 1)),
        (day(2020, 6, 1), day(2020, 9, 1)),
        (day(2020, 9, 1), day(2021, 1, 1)),
        (day(2021, 1, 1), None),
    ]


async def test_a_merged_row_that_would_violate_a_check_is_refused_alone(database, sql_for, tmp_path):
    """The file's row is sound by itself; with what the database keeps, it is not."""
    sql = sql_for(database)
    sql("INSERT INTO district (code) VALUES ('d')")
    sql(
        "INSERT INTO usage_point (subscription_no, district_id) SELECT s, id FROM district, unnest(ARRAY['p', 'q']) AS s"
    )
    sql("INSERT INTO meter (serial_no) VALUES ('m')")
    sql(
        "INSERT INTO meter_installation (usage_point_id, meter_id, valid_from, valid_to)"
        " SELECT p.id, m.id, '2020-01-01', '2020-02-01' FROM usage_point p, meter m WHERE subscription_no = 'p'"
    )
    path = tmp_path / "meter_installation.csv"
    path.write_text("subscription_no,meter_serial_no,valid_from\np,m,2020-03-01\nq,m,2020-03-01\n")
    summary = await run_import(database, "tarazu", [path])

    assert (summary.total.loaded, dict(summary.total.reasons)) == (1, {"validity_order": 1})
    assert sql("SELECT row_number, reason, value FROM quarantined_row") == [
        (2, "validity_order", "2020-03-01")
    ]


async def test_rows_that_repeat_a_refused_row_are_each_quarantined(empty, tmp_path):
    """Within a chunk rows of one content are folded into one; in the quarantine they are there again."""
    database, sql, mapping, _ = empty
    path = tmp_path / "bills.csv"
    bill = {
        "point": "nowhere",
        "meter": "m",
        "model": "",
        "year": "1403",
        "start": "2020-01-01",
        "payable": "5",
    }
    write(path, [bill | {"no": str(number), "period": "1"} for number in range(4)])
    summary = await run_import(database, str(mapping), [path])

    assert dict(summary.entities["meter_installation"].reasons) == {"unknown_parent": 4}
    assert sql(
        "SELECT row_number, raw->>'no' FROM quarantined_row WHERE entity = 'meter_installation' ORDER BY 1"
    ) == [
        (2, "0"),
        (3, "1"),
        (4, "2"),
        (5, "3"),
    ]
