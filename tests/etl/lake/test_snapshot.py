"""The lake is what the database says, is renewed bucket by bucket, and is whole at every moment."""

from __future__ import annotations

import datetime as dt
import hashlib
import signal

import numpy as np
import pyarrow.parquet as pq
import pytest

from etl.lake.files import read_bucket
from etl.lake.manifest import read_manifest, require_manifest
from etl.lake.panel import LEAST_DAYS
from etl.lake.snapshot import reading, snapshot
from etl.lake.transformers import read_transformers
from rules.batch import EPOCH, month_number, month_start
from rules.site import load_site
from tarazu.errors import BusyError

SNAPSHOT = """
from etl.lake.snapshot import snapshot
from tarazu.settings import get_settings
snapshot(get_settings())
"""


def batches_of(settings):
    """Bucket number → what a scan reads of it."""
    manifest = require_manifest(settings.lake_directory)
    as_of = dt.date.fromisoformat(manifest.last_day)
    last_month = month_number(as_of - dt.timedelta(days=1))
    return {
        int(number): read_bucket(
            settings.lake_directory / bucket.folder,
            last_month=last_month,
            bucket_last_month=bucket.last_month,
            as_of=as_of,
            site=load_site(as_of),
        )
        for number, bucket in manifest.bucket.items()
    }


def content_of(settings):
    """Hash of every file that the manifest names."""
    manifest = require_manifest(settings.lake_directory)
    files = [settings.lake_directory / manifest.transformers]
    for bucket in manifest.bucket.values():
        files += sorted((settings.lake_directory / bucket.folder).iterdir())
    return {
        str(path.relative_to(settings.lake_directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def rebuilt(settings):
    """Take a snapshot; numbers of the buckets it changed, checked against what it says of itself."""
    before = require_manifest(settings.lake_directory).bucket
    summary = snapshot(settings)
    after = require_manifest(settings.lake_directory).bucket
    changed = {int(number) for number in after if after[number] != before.get(number)}
    assert summary.rebuilt == len(changed)
    return changed


def bucket_of(sql, settings, subscription_no):
    [(number,)] = sql(
        f"SELECT bucket_class % {settings.lake_buckets} FROM usage_point WHERE subscription_no = $1",
        subscription_no,
    )
    return number


def elsewhere(settings):
    """The same database with another, empty home."""
    return settings.model_copy(update={"home": settings.home / "other"})


def test_a_second_snapshot_rebuilds_nothing(utility):
    first = snapshot(utility)
    content = content_of(utility)
    second = snapshot(utility)

    assert (first.rebuilt, first.points) == (4, 200)
    assert (second.rebuilt, second.generation) == (0, first.generation)
    assert content_of(utility) == content


CHANGES = {
    "an invoice": "UPDATE invoice SET consumption_kwh = consumption_kwh + 1 WHERE id = "
    "(SELECT max(i.id) FROM invoice i JOIN usage_point p ON p.id = i.usage_point_id"
    " WHERE p.subscription_no = $1)",
    "a new status": "INSERT INTO usage_point_status (usage_point_id, kind, valid_from) "
    "SELECT id, 'seasonal', DATE '2024-01-01' FROM usage_point WHERE subscription_no = $1",
    "the sector of the customer": "UPDATE customer SET sector = 'government' WHERE id = "
    "(SELECT s.customer_id FROM supply_agreement s JOIN agreement_usage_point a ON a.agreement_id = s.id"
    " JOIN usage_point p ON p.id = a.usage_point_id WHERE p.subscription_no = $1 LIMIT 1)",
    "the meter": "UPDATE meter SET register_digits = 9 WHERE id = "
    "(SELECT i.meter_id FROM meter_installation i JOIN usage_point p ON p.id = i.usage_point_id"
    " WHERE p.subscription_no = $1 LIMIT 1)",
    "a payment that is taken back": "DELETE FROM payment_allocation WHERE id = "
    "(SELECT min(a.id) FROM payment_allocation a JOIN invoice i ON i.id = a.invoice_id"
    " JOIN usage_point p ON p.id = i.usage_point_id WHERE p.subscription_no = $1)",
    "a visit": "INSERT INTO inspection (inspection_no, usage_point_id, inspected_on, outcome) "
    "SELECT 'V-1', id, DATE '2025-01-01', 'clean' FROM usage_point WHERE subscription_no = $1",
    "an export register": "INSERT INTO meter_reading (installation_id, read_on, register, index_value) "
    "SELECT i.id, DATE '2025-01-01', 'export', 5 FROM meter_installation i JOIN usage_point p"
    " ON p.id = i.usage_point_id WHERE p.subscription_no = $1 LIMIT 1",
    "an interval": "INSERT INTO interval_reading (installation_id, quantity, started_at, duration_minutes, value) "
    "SELECT i.id, 'active_energy_kwh', TIMESTAMPTZ '2025-09-01', 60, 1 FROM meter_installation i"
    " JOIN usage_point p ON p.id = i.usage_point_id WHERE p.subscription_no = $1 LIMIT 1",
    "a charge": "UPDATE invoice_line SET amount_rial = amount_rial + 1 WHERE id = "
    "(SELECT min(l.id) FROM invoice_line l JOIN invoice i ON i.id = l.invoice_id"
    " JOIN usage_point p ON p.id = i.usage_point_id WHERE p.subscription_no = $1)",
    "a step of collection": "INSERT INTO collection_step (usage_point_id, kind, taken_on) "
    "SELECT id, 'reminder', DATE '2025-01-01' FROM usage_point WHERE subscription_no = $1",
    "the point itself": "UPDATE usage_point SET energised_on = DATE '2001-01-01' WHERE subscription_no = $1",
}


def test_a_reading_that_comes_with_its_bill_does_not_rebuild_the_lake(utility, sql_for):
    snapshot(utility)
    sql_for(utility)(
        "INSERT INTO meter_reading (installation_id, read_on, index_value)"
        " SELECT id, DATE '2025-01-01', 5 FROM meter_installation"
    )
    assert rebuilt(utility) == set()


@pytest.mark.parametrize("change", CHANGES)
def test_exactly_the_bucket_of_what_changed_is_rebuilt(utility, sql, change):
    # A private customer with one point, whose meter has been nowhere else.
    [(subscription_no,)] = sql(
        "SELECT p.subscription_no FROM usage_point p JOIN agreement_usage_point a ON a.usage_point_id = p.id"
        " JOIN supply_agreement s ON s.id = a.agreement_id JOIN customer c ON c.id = s.customer_id"
        " JOIN invoice i ON i.usage_point_id = p.id JOIN payment_allocation pa ON pa.invoice_id = i.id"
        " WHERE c.sector IS DISTINCT FROM 'government'"
        " AND (SELECT count(*) FROM supply_agreement o WHERE o.customer_id = c.id) = 1"
        " AND (SELECT count(*) FROM agreement_usage_point o WHERE o.agreement_id = s.id) = 1"
        " ORDER BY p.subscription_no DESC LIMIT 1"
    )
    snapshot(utility)
    before = content_of(utility)
    sql(CHANGES[change], subscription_no)
    changed = rebuilt(utility)

    assert changed == {bucket_of(sql, utility, subscription_no)}
    assert content_of(utility) != before
    assert rebuilt(utility) == set()
    # What was renewed piece by piece is what is built from nothing.
    fresh = elsewhere(utility)
    snapshot(fresh)
    assert content_of(fresh) == content_of(utility)


def test_what_no_scan_reads_rebuilds_nothing(utility, sql):
    snapshot(utility)
    sql("UPDATE district SET code = code || 'x'")

    assert rebuilt(utility) == set()


def test_another_database_with_as_many_changes_is_another_lake(new_utility, sql_for):
    """Copies of one database have the same change versions; their lakes must not pass for each other's."""
    one, two = new_utility(), new_utility()
    for settings, kwh in ((one, 1), (two, 2)):
        sql_for(settings)(f"UPDATE invoice SET consumption_kwh = {kwh}")
    two = two.model_copy(update={"home": one.home})
    snapshot(one)

    assert rebuilt(two) == {0, 1, 2, 3}
    assert all((batch.bills.consumption_kwh == 2).all() for batch in batches_of(two).values())


def test_points_are_those_of_the_database(utility, sql):
    snapshot(utility)
    expected = {
        number: (bucket, district, transformer, government, power)
        for number, bucket, district, transformer, government, power in sql(
            "SELECT p.subscription_no, (p.bucket_class % 4)::int, p.district_id, coalesce(p.transformer_id, -1),"
            " (SELECT c.sector = 'government' FROM agreement_usage_point a JOIN supply_agreement s"
            "  ON s.id = a.agreement_id JOIN customer c ON c.id = s.customer_id"
            "  WHERE a.usage_point_id = p.id ORDER BY a.valid_from DESC LIMIT 1),"
            " (SELECT contracted_power_kw::float8 FROM usage_point_term t"
            "  WHERE t.usage_point_id = p.id ORDER BY valid_from DESC LIMIT 1) FROM usage_point p"
        )
    }
    found = {}
    for bucket, batch in batches_of(utility).items():
        for row, number in enumerate(batch.subscription_no):
            found[number] = (
                bucket,
                batch.district_id[row],
                batch.transformer_id[row],
                batch.is_government[row],
                batch.contracted_power_kw[row],
            )

    assert len(found) == 200
    assert found == expected


def test_bills_are_those_of_the_database_with_what_is_still_owed(utility, sql):
    snapshot(utility)
    expected = {
        invoice: values
        for invoice, *values in sql(
            "SELECT i.id, p.subscription_no, i.period_start, i.period_end, i.consumption_kwh::float8,"
            " coalesce(i.payable_rial, -1), greatest(coalesce(i.payable_rial, 0), 0)"
            " - coalesce((SELECT sum(amount_rial) FROM payment_allocation a WHERE a.invoice_id = i.id), 0)::int8"
            " FROM invoice i JOIN usage_point p ON p.id = i.usage_point_id"
        )
    }
    found = {}
    for batch in batches_of(utility).values():
        bills = batch.bills
        for row, invoice in enumerate(bills.invoice_id.tolist()):
            found[invoice] = [
                batch.subscription_no[bills.point[row]],
                EPOCH + dt.timedelta(days=int(bills.period_start[row])),
                EPOCH + dt.timedelta(days=int(bills.period_end[row])),
                bills.consumption_kwh[row],
                bills.payable_rial[row],
                bills.outstanding_rial[row],
            ]

    assert len(found) > 2_000
    assert found == expected


def test_charges_and_collection_are_those_of_the_database(utility, sql):
    [(point, number)] = sql("SELECT id, subscription_no FROM usage_point ORDER BY id LIMIT 1")
    sql(
        "INSERT INTO collection_step (usage_point_id, kind, taken_on) VALUES ($1, 'reminder', '2026-01-01')",
        point,
    )
    sql(
        "INSERT INTO collection_step (usage_point_id, kind, taken_on) VALUES ($1, 'cut_notice', '2026-02-01')",
        point,
    )
    sql(
        "INSERT INTO instalment_plan (plan_no, usage_point_id, agreed_on) VALUES ('1', $1, '2026-01-01')",
        point,
    )
    sql(
        "INSERT INTO instalment (plan_id, number, due_on, amount_rial, paid_rial) SELECT id, n, make_date(2026, n, 1),"
        " 5000, CASE n WHEN 1 THEN 5000 WHEN 2 THEN 1000 ELSE 0 END FROM instalment_plan, generate_series(1, 3) n"
    )
    sql(
        "INSERT INTO payment (payment_no, usage_point_id, paid_on, amount_rial) VALUES ('x', $1, '2026-03-01', 700)",
        point,
    )
    snapshot(utility)
    expected = {
        invoice: values
        for invoice, *values in sql(
            "SELECT i.id, sum(l.amount_rial) FILTER (WHERE l.line_code = 'vat')::float8, sum(l.amount_rial) FILTER"
            " (WHERE l.line_code NOT IN ('vat', 'electricity_duty', 'rounding'))::float8, i.issued_on"
            " FROM invoice i JOIN invoice_line l ON l.invoice_id = i.id GROUP BY i.id"
        )
    }
    found = {}
    for batch in batches_of(utility).values():
        bills = batch.bills
        for row in np.flatnonzero(~np.isnan(bills.vat_rial)):
            issued = EPOCH + dt.timedelta(days=int(bills.issued_on[row]))
            found[int(bills.invoice_id[row])] = [bills.vat_rial[row], bills.taxable_rial[row], issued]
        if number in list(batch.subscription_no):
            row = list(batch.subscription_no).index(number)
            steps = (batch.step_kind[row], EPOCH + dt.timedelta(days=int(batch.step_on[row])))
            due = EPOCH + dt.timedelta(days=int(batch.instalment_due_on[row]))
            plan = (batch.instalment_rial[row], due)
            unallocated = batch.unallocated_rial[row]

    assert len(found) > 2_000
    assert found == expected
    assert steps == (1, dt.date(2026, 2, 1))
    assert plan == (9000, dt.date(2026, 2, 1))
    assert unallocated >= 700


def test_the_panel_is_the_use_by_day_of_the_databases_bills(utility, sql):
    snapshot(utility)
    expected = {
        (number, month): kwh / min(days, length)
        for number, month, kwh, days, length in sql(
            "SELECT p.subscription_no, (extract(year FROM d) * 12 + extract(month FROM d) - 1)::int,"
            " sum(i.consumption_kwh / (i.period_end - i.period_start))::float8, count(*)::int,"
            " max(extract(day FROM date_trunc('month', d) + interval '1 month - 1 day'))::int"
            " FROM invoice i JOIN usage_point p ON p.id = i.usage_point_id,"
            " generate_series(i.period_start, i.period_end - 1, interval '1 day') d GROUP BY 1, 2"
        )
        if days >= LEAST_DAYS
    }
    found = {}
    for batch in batches_of(utility).values():
        first = batch.last_month - batch.months + 1
        for row, column in zip(*np.nonzero(~np.isnan(batch.daily_kwh)), strict=True):
            found[batch.subscription_no[row], first + int(column)] = float(batch.daily_kwh[row, column])

    assert len(found) > 4_000
    assert found == pytest.approx(expected, rel=1e-5)


def test_transformers_have_the_energy_of_whole_months(utility, sql):
    snapshot(utility)
    manifest = require_manifest(utility.lake_directory)
    table = read_transformers(utility.lake_directory / manifest.transformers)
    last_month = month_number(dt.date.fromisoformat(manifest.last_day) - dt.timedelta(days=1))

    assert list(zip(table.transformer_id.tolist(), table.feeder_id.tolist(), table.code, strict=True)) == sql(
        "SELECT id, coalesce(feeder_id, -1), code FROM distribution_transformer ORDER BY id"
    )
    # A month in the middle of the window, by its days: readings are of Jalali months.
    month = last_month - 6
    start, end = (EPOCH + dt.timedelta(days=month_start(number)) for number in (month, month + 1))
    for transformer, kwh in zip(table.transformer_id.tolist(), table.delivered_kwh[:, -7], strict=True):
        [(expected,)] = sql(
            "SELECT sum(delivered_kwh / (period_end - period_start) * (least(period_end, $2::date)"
            " - greatest(period_start, $1::date)))::float8 FROM transformer_energy"
            " WHERE transformer_id = $3 AND period_start < $2::date AND period_end > $1::date",
            start,
            end,
            transformer,
        )
        assert kwh == pytest.approx(expected)


@pytest.mark.parametrize(
    "moment",
    ["snapshot.read", "snapshot.bucket", "snapshot.bucket:3", "snapshot.built", "snapshot.published"],
)
def test_a_killed_snapshot_leaves_a_whole_lake_and_the_next_one_ends_the_work(
    utility, sql, run_killed, moment
):
    old = snapshot(utility)
    old_content = content_of(utility)
    sql("UPDATE invoice SET consumption_kwh = consumption_kwh + 1")
    undisturbed = elsewhere(utility)
    wanted = snapshot(undisturbed)

    assert run_killed(utility, SNAPSHOT, kill_at=moment) == -signal.SIGKILL
    published = moment == "snapshot.published"
    left = require_manifest(utility.lake_directory)
    assert left.generation == (wanted.generation if published else old.generation)
    assert content_of(utility) == (content_of(undisturbed) if published else old_content)
    for path in utility.lake_directory.glob("[!.]*/*.parquet"):
        pq.read_table(path)  # whole, or it would be refused

    again = snapshot(utility)
    assert again.generation == wanted.generation
    assert again.rebuilt == (0 if published else 4)
    assert content_of(utility) == content_of(undisturbed)

    snapshot(utility)
    named = {name.partition("/")[0] for name in content_of(utility)}
    assert {path.name for path in utility.lake_directory.iterdir()} == {
        *named,
        "manifest.json",
        "lock",
        "readers",
    }


def test_a_lake_of_another_shape_leaves_the_old_one_readable_until_it_is_whole(utility, run_killed):
    snapshot(utility)
    old_content = content_of(utility)
    shorter = utility.model_copy(update={"panel_months": 24})

    assert run_killed(shorter, SNAPSHOT, kill_at="snapshot.built") == -signal.SIGKILL
    assert content_of(utility) == old_content
    assert snapshot(shorter).rebuilt == 4
    assert {batch.months for batch in batches_of(shorter).values()} == {24}


def test_a_reader_keeps_its_files_while_snapshots_go_on(utility, sql):
    snapshot(utility)
    with reading(utility.lake_directory):
        manifest = require_manifest(utility.lake_directory)
        content = content_of(utility)
        for _ in range(2):
            sql("UPDATE invoice SET consumption_kwh = consumption_kwh + 1")
            snapshot(utility)
        for name, digest in content.items():
            assert hashlib.sha256((utility.lake_directory / name).read_bytes()).hexdigest() == digest
    snapshot(utility)

    assert not any((utility.lake_directory / bucket.folder).exists() for bucket in manifest.bucket.values())


def test_two_snapshots_at_once_are_refused(utility):
    progress_seen = []

    def progress(*step):
        progress_seen.append(step)
        with pytest.raises(BusyError):
            snapshot(utility)

    snapshot(utility, progress)
    assert progress_seen


def test_an_empty_database_gives_an_empty_lake(database):
    summary = snapshot(database)
    manifest = read_manifest(database.lake_directory)

    assert (summary.points, summary.buckets, summary.rebuilt) == (0, 0, 0)
    assert manifest is not None
    assert manifest.facts == set()
