"""Events of cases, for subscribers: written by statement triggers, numbered by transaction.

Statement triggers with transition tables: whoever opens or changes cases, by whatever path, subscribers learn of it. A
scan that opens 50,000 cases fires once a statement, and notifies once.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# The payload is empty: PostgreSQL folds equal notifications of a transaction into one, and the table says the rest.
_FUNCTION = """
CREATE FUNCTION note_case_event_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO case_event (case_id, kind, district_id, family, money_at_risk_rial)
    {rows};
    IF FOUND THEN
        PERFORM pg_notify('tarazu_case_event', '');
    END IF;
    RETURN NULL;
END $$
"""

_EVENTS = {
    "insert": (
        "NEW TABLE AS new_rows",
        "SELECT id, 'opened', district_id, family, money_at_risk_rial FROM new_rows",
    ),
    # What only people at work on the case change (assignee, notes) tells a subscriber nothing new of it.
    "update": (
        "OLD TABLE AS old_rows NEW TABLE AS new_rows",
        """SELECT n.id, CASE WHEN n.state <> o.state THEN 'state_changed' ELSE 'evidence_changed' END,
        n.district_id, n.family, n.money_at_risk_rial
    FROM new_rows n JOIN old_rows o ON o.id = n.id
    WHERE (n.state, n.severity, n.confidence, n.energy_at_risk_kwh, n.money_at_risk_rial)
        IS DISTINCT FROM (o.state, o.severity, o.confidence, o.energy_at_risk_kwh, o.money_at_risk_rial)""",
    ),
}


def upgrade() -> None:
    op.create_table(
        "case_event",
        sa.Column(
            "transaction_id",
            sa.BigInteger(),
            server_default=sa.text("(pg_current_xact_id()::text::bigint)"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "opened",
                "evidence_changed",
                "state_changed",
                name="case_event_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "family",
            sa.Enum(
                "theft",
                "billing",
                "reading",
                "debt",
                name="rule_family",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("money_at_risk_rial", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", "id", name=op.f("pk_case_event")),
    )
    op.create_table(
        "case_event_pruned",
        sa.Column("one_row", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("transaction_id", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one_row", name=op.f("ck_case_event_pruned_one_row")),
        sa.PrimaryKeyConstraint("one_row", name=op.f("pk_case_event_pruned")),
    )
    op.execute("INSERT INTO case_event_pruned (transaction_id, event_id) VALUES (0, 0)")
    for event, (referencing, rows) in _EVENTS.items():
        op.execute(_FUNCTION.format(event=event, rows=rows))
        op.execute(
            f'CREATE TRIGGER case_event_{event} AFTER {event.upper()} ON "case" REFERENCING {referencing} '
            f"FOR EACH STATEMENT EXECUTE FUNCTION note_case_event_{event}()"
        )


def downgrade() -> None:
    for event in _EVENTS:
        op.execute(f'DROP TRIGGER case_event_{event} ON "case"')
        op.execute(f"DROP FUNCTION note_case_event_{event}()")
    op.drop_table("case_event_pruned")
    op.drop_table("case_event")
