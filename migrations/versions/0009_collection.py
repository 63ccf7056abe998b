"""Steps of collection, instalment plans, and the loss factor that a bill prints.

The ladder of collection and the default of a plan can only be judged where each step has a day.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# How the changed rows of a table ("rows") lead to usage points ("p"); as in 0002.
_PATHS = {
    "collection_step": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
    "instalment_plan": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
    "instalment": "rows r JOIN instalment_plan n ON n.id = r.plan_id JOIN usage_point p ON p.id = n.usage_point_id",
    "invoice_line": "rows r JOIN invoice i ON i.id = r.invoice_id JOIN usage_point p ON p.id = i.usage_point_id",
    "payment": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
}

_FUNCTION = """
CREATE FUNCTION note_lake_change_{table}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lake_change (bucket_class, version)
    SELECT c.bucket_class, nextval('lake_change_version')
    FROM ({classes} ORDER BY bucket_class) AS c
    ON CONFLICT (bucket_class) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$
"""

_EVENTS = {
    "insert": ("NEW TABLE AS new_rows", ("new_rows",)),
    "update": ("OLD TABLE AS old_rows NEW TABLE AS new_rows", ("old_rows", "new_rows")),
    "delete": ("OLD TABLE AS old_rows", ("old_rows",)),
}


def upgrade() -> None:
    op.add_column("invoice", sa.Column("loss_factor", sa.Double()))
    op.create_check_constraint(op.f("ck_invoice_loss_factor"), "invoice", "loss_factor >= 0")
    op.create_table(
        "collection_step",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "reminder",
                "cut_notice",
                "cut_order",
                name="collection_step_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["usage_point_id"],
            ["usage_point.id"],
            name=op.f("fk_collection_step_usage_point_id_usage_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_step")),
        sa.UniqueConstraint(
            "usage_point_id", "kind", "taken_on", name=op.f("uq_collection_step_usage_point_id_kind_taken_on")
        ),
    )
    op.create_table(
        "instalment_plan",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_no", sa.Text(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("ended_on >= agreed_on", name=op.f("ck_instalment_plan_end")),
        sa.ForeignKeyConstraint(
            ["usage_point_id"],
            ["usage_point.id"],
            name=op.f("fk_instalment_plan_usage_point_id_usage_point"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment_plan")),
        sa.UniqueConstraint("plan_no", name=op.f("uq_instalment_plan_plan_no")),
    )
    op.create_index(op.f("ix_instalment_plan_usage_point_id"), "instalment_plan", ["usage_point_id"])
    op.create_table(
        "instalment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("plan_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount_rial", sa.BigInteger(), nullable=False),
        sa.Column("paid_rial", sa.BigInteger(), server_default="0", nullable=False),
        sa.CheckConstraint("number >= 1", name=op.f("ck_instalment_number")),
        sa.CheckConstraint("amount_rial > 0", name=op.f("ck_instalment_amount")),
        sa.CheckConstraint("paid_rial BETWEEN 0 AND amount_rial", name=op.f("ck_instalment_paid")),
        sa.ForeignKeyConstraint(
            ["plan_id"], ["instalment_plan.id"], name=op.f("fk_instalment_plan_id_instalment_plan")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instalment")),
        sa.UniqueConstraint("plan_id", "number", name=op.f("uq_instalment_plan_id_number")),
    )
    for table, path in _PATHS.items():
        for event, (referencing, transitions) in _EVENTS.items():
            classes = " UNION ".join(
                f"SELECT DISTINCT p.bucket_class FROM {path.replace('rows', rows, 1)}" for rows in transitions
            )
            op.execute(_FUNCTION.format(table=table, event=event, classes=classes))
            op.execute(
                f"CREATE TRIGGER lake_change_{event} AFTER {event.upper()} ON {table} REFERENCING {referencing} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION note_lake_change_{table}_{event}()"
            )


def downgrade() -> None:
    for table in _PATHS:
        for event in _EVENTS:
            op.execute(f"DROP TRIGGER lake_change_{event} ON {table}")
            op.execute(f"DROP FUNCTION note_lake_change_{table}_{event}()")
    for table in ("instalment", "instalment_plan", "collection_step"):
        op.drop_table(table)
    op.drop_column("invoice", "loss_factor")
