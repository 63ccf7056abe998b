"""Content hashes: blind to ids, order and times of writing, and to nothing else."""

from __future__ import annotations

import pytest

from etl.content_hash import EXCLUDED_TABLES, content_hash
from tarazu.database import create_engine
from tarazu.models import Base


async def hashes(settings):
    engine = create_engine(settings)
    try:
        return await content_hash(engine)
    finally:
        await engine.dispose()


def test_every_table_but_those_of_runs_has_a_natural_key_to_be_known_by():
    for table in Base.metadata.sorted_tables:
        assert (table.name in EXCLUDED_TABLES) or table.info["natural_key"]


async def test_new_ids_in_another_order_change_no_digest(utility, sql):
    before = await hashes(utility)
    assert before.keys() == Base.metadata.tables.keys() - EXCLUDED_TABLES
    sql("ALTER TABLE invoice DROP CONSTRAINT fk_invoice_usage_point_id")
    sql("ALTER TABLE payment_allocation DROP CONSTRAINT fk_payment_allocation_invoice_id")
    sql("ALTER TABLE invoice_line DROP CONSTRAINT fk_invoice_line_invoice_id")
    sql("ALTER TABLE receivable DROP CONSTRAINT fk_receivable_invoice_id")
    for table in ("payment_allocation", "invoice_line"):
        sql(f"UPDATE {table} SET invoice_id = 10000000 - invoice_id")
    sql("UPDATE invoice SET id = 10000000 - id")
    sql("UPDATE customer SET created_at = created_at - interval '1 year'")
    assert await hashes(utility) == before


@pytest.mark.parametrize(
    ("statement", "changed"),
    [
        (
            "UPDATE invoice SET payable_rial = payable_rial + 1 WHERE id = (SELECT min(id) FROM invoice)",
            {"invoice"},
        ),
        ("UPDATE customer SET national_id = NULL WHERE id = (SELECT min(id) FROM customer)", {"customer"}),
        (
            "DELETE FROM payment_allocation WHERE id = (SELECT min(id) FROM payment_allocation)",
            {"payment_allocation"},
        ),
        (
            "UPDATE payment SET usage_point_id = (SELECT max(id) FROM usage_point) WHERE payment_no = '200000000001'",
            {"payment"},
        ),
        # Every row that is named by the district's code says something else.
        ("UPDATE district SET code = code || 'x'", {"district", "usage_point", "distribution_transformer"}),
    ],
)
async def test_a_changed_value_parent_or_row_changes_the_digest_of_its_table(
    utility, sql, statement, changed
):
    before = await hashes(utility)
    sql(statement)
    after = await hashes(utility)
    assert {name for name in before if before[name] != after[name]} == changed
