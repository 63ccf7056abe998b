"""What is owed of each invoice, kept up to date; indexes of sums, of searches by name, and of every declared order.

`receivable` is written by statement triggers with transition tables. Each locks the rows that it is going to change in
the order of their ids, so that two writers wait for each other and never in a circle, and adds a difference to what
stands there, so that none is lost: also where the writers do not see each other's payments.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COPIES = """
    {row}.usage_point_id, {row}.agreement_id, coalesce({row}.issued_on, {row}.period_end), {row}.due_on,
    {row}.period_end, coalesce({row}.payable_rial, 0)
"""
_COLUMNS = "usage_point_id, agreement_id, owed_from, due_on, period_end, payable_rial"

_OF_INSERTED_INVOICES = f"""
CREATE FUNCTION keep_receivable_of_inserted_invoices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO receivable (invoice_id, {_COLUMNS}, paid_rial)
    SELECT n.id, {_COPIES.format(row="n")}, 0 FROM new_rows n;
    RETURN NULL;
END $$
"""

# An invoice whose id changes is no case: ids are given once.
_OF_UPDATED_INVOICES = f"""
CREATE FUNCTION keep_receivable_of_updated_invoices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM receivable WHERE invoice_id IN (SELECT id FROM new_rows) ORDER BY invoice_id FOR NO KEY UPDATE;
    UPDATE receivable r SET ({_COLUMNS}) = ROW ({_COPIES.format(row="n")})
    FROM new_rows n
    WHERE r.invoice_id = n.id
        AND ({", ".join(f"r.{name}" for name in _COLUMNS.split(", "))})
            IS DISTINCT FROM ({_COPIES.format(row="n")});
    RETURN NULL;
END $$
"""

# How a statement on payment_allocation changed what is paid of each invoice.
_DIFFERENCES = {
    "insert": "SELECT invoice_id, sum(amount_rial) AS rial FROM new_rows GROUP BY invoice_id",
    "update": (
        "SELECT invoice_id, sum(rial) AS rial FROM (SELECT invoice_id, amount_rial AS rial FROM new_rows UNION ALL "
        "SELECT invoice_id, -amount_rial FROM old_rows) AS changes GROUP BY invoice_id HAVING sum(rial) <> 0"
    ),
    "delete": "SELECT invoice_id, -sum(amount_rial) AS rial FROM old_rows GROUP BY invoice_id",
}
_TRANSITIONS = {
    "insert": "NEW TABLE AS new_rows",
    "update": "OLD TABLE AS old_rows NEW TABLE AS new_rows",
    "delete": "OLD TABLE AS old_rows",
}

_OF_ALLOCATIONS = """
CREATE FUNCTION keep_receivable_of_{participle}_allocations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM receivable WHERE invoice_id IN (SELECT invoice_id FROM ({differences}) AS d)
    ORDER BY invoice_id FOR NO KEY UPDATE;
    UPDATE receivable r SET paid_rial = r.paid_rial + d.rial FROM ({differences}) AS d
    WHERE r.invoice_id = d.invoice_id;
    RETURN NULL;
END $$
"""

_NAME_WORDS = "array_to_tsvector(array_remove(string_to_array(\"left\"(name_search_key, 500), ' '), ''))"

_OF_TRUNCATED_ALLOCATIONS = """
CREATE FUNCTION keep_receivable_of_truncated_allocations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE receivable SET paid_rial = 0 WHERE paid_rial <> 0;
    RETURN NULL;
END $$
"""

# Indexes that get the keys of the lists that they serve: (table, columns before, columns from now on).
_WIDENED = (
    ("supply_agreement", ["customer_id"], ["customer_id", "id"]),
    ("agreement_usage_point", ["agreement_id"], ["agreement_id", "valid_from", "id"]),
    ("usage_point", ["transformer_id"], ["transformer_id", "id"]),
    ("distribution_transformer", ["feeder_id"], ["feeder_id", "id"]),
    ("distribution_transformer", ["district_id"], ["district_id", "id"]),
)


def upgrade() -> None:
    op.create_table(
        "receivable",
        sa.Column("invoice_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=True),
        sa.Column("owed_from", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("payable_rial", sa.BigInteger(), nullable=False),
        sa.Column("paid_rial", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("payable_rial >= 0", name=op.f("ck_receivable_payable")),
        sa.CheckConstraint("paid_rial >= 0", name=op.f("ck_receivable_paid")),
    )
    # Nobody writes invoices or payments between the count and the triggers.
    op.execute("LOCK TABLE invoice, payment_allocation IN SHARE ROW EXCLUSIVE MODE")
    op.execute(
        f"INSERT INTO receivable (invoice_id, {_COLUMNS}, paid_rial) SELECT i.id, {_COPIES.format(row='i')}, "
        "coalesce(p.rial, 0) FROM invoice i LEFT JOIN (SELECT invoice_id, sum(amount_rial) AS rial "
        "FROM payment_allocation GROUP BY invoice_id) AS p ON p.invoice_id = i.id"
    )
    # Keys and indexes after the rows: half the time.
    op.create_primary_key(op.f("pk_receivable"), "receivable", ["invoice_id"])
    op.create_foreign_key(
        op.f("fk_receivable_invoice_id"), "receivable", "invoice", ["invoice_id"], ["id"], ondelete="CASCADE"
    )
    op.create_index(
        "ix_receivable_open",
        "receivable",
        ["usage_point_id", "due_on"],
        postgresql_include=["payable_rial", "paid_rial", "owed_from", "period_end", "agreement_id"],
        postgresql_where=sa.text("payable_rial > paid_rial"),
    )
    op.create_index(op.f("ix_receivable_owed_from"), "receivable", ["owed_from"])
    _create_triggers()
    op.create_index(
        op.f("ix_payment_paid_on"),
        "payment",
        ["paid_on"],
        postgresql_include=["usage_point_id", "amount_rial"],
    )
    for table, before, now in _WIDENED:
        op.create_index(_index_name(table, now), table, now)
        op.drop_index(_index_name(table, before), table_name=table)
    op.drop_index(op.f("ix_invoice_usage_point_id_period_end"), table_name="invoice")
    op.create_index(
        op.f("ix_invoice_usage_point_id_period_end"),
        "invoice",
        ["usage_point_id", "period_end"],
        postgresql_include=["period_start", "consumption_kwh"],
    )
    op.drop_index(op.f("ix_customer_name_search_key"), table_name="customer")
    op.create_index("ix_customer_name_words", "customer", [sa.text(_NAME_WORDS)], postgresql_using="gin")


def _index_name(table: str, columns: list[str]) -> str:
    return str(op.f(f"ix_{table}_{'_'.join(columns)}"))


def _create_triggers() -> None:
    op.execute(_OF_INSERTED_INVOICES)
    op.execute(_OF_UPDATED_INVOICES)
    for event in ("insert", "update"):
        op.execute(
            f"CREATE TRIGGER keep_receivable_{event} AFTER {event.upper()} ON invoice "
            f"REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT "
            f"EXECUTE FUNCTION keep_receivable_of_{_participle(event)}_invoices()"
        )
    for event, differences in _DIFFERENCES.items():
        op.execute(_OF_ALLOCATIONS.format(participle=_participle(event), differences=differences))
        op.execute(
            f"CREATE TRIGGER keep_receivable_{event} AFTER {event.upper()} ON payment_allocation "
            f"REFERENCING {_TRANSITIONS[event]} FOR EACH STATEMENT "
            f"EXECUTE FUNCTION keep_receivable_of_{_participle(event)}_allocations()"
        )
    op.execute(_OF_TRUNCATED_ALLOCATIONS)
    op.execute(
        "CREATE TRIGGER keep_receivable_truncate AFTER TRUNCATE ON payment_allocation FOR EACH STATEMENT "
        "EXECUTE FUNCTION keep_receivable_of_truncated_allocations()"
    )


def downgrade() -> None:
    op.drop_index("ix_customer_name_words", table_name="customer")
    op.create_index(op.f("ix_customer_name_search_key"), "customer", ["name_search_key"])
    op.drop_index(op.f("ix_invoice_usage_point_id_period_end"), table_name="invoice")
    op.create_index(op.f("ix_invoice_usage_point_id_period_end"), "invoice", ["usage_point_id", "period_end"])
    for table, before, now in _WIDENED:
        op.create_index(_index_name(table, before), table, before)
        op.drop_index(_index_name(table, now), table_name=table)
    op.drop_index(op.f("ix_payment_paid_on"), table_name="payment")
    for event in (*_DIFFERENCES, "truncate"):
        op.execute(f"DROP TRIGGER keep_receivable_{event} ON payment_allocation")
        op.execute(f"DROP FUNCTION keep_receivable_of_{_participle(event)}_allocations()")
    for event in ("insert", "update"):
        op.execute(f"DROP TRIGGER keep_receivable_{event} ON invoice")
        op.execute(f"DROP FUNCTION keep_receivable_of_{_participle(event)}_invoices()")
    op.drop_table("receivable")


def _participle(event: str) -> str:
    return event + ("d" if event.endswith("e") else "ed")
