"""What people do with cases: comments, links, merging, values measured on site, and answers kept by key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_STATES = ("open", "in_review", "inspection_ordered", "confirmed", "dismissed")
_NOW = sa.text("now()")


def _choice(name: str, *members: str) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=True, length=32)


def _allow_states(*states: str) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    op.execute('ALTER TABLE "case" DROP CONSTRAINT ck_case_case_state')
    op.execute(f'ALTER TABLE "case" ADD CONSTRAINT ck_case_case_state CHECK (state IN ({listed}))')


def upgrade() -> None:
    _allow_states(*_STATES, "merged")
    op.add_column("case", sa.Column("dismiss_reason", sa.String(32)))
    op.add_column("case", sa.Column("merged_into_id", sa.Uuid()))
    op.create_check_constraint(
        "dismiss_reason",
        "case",
        "dismiss_reason IN ('innocent_cause', 'data_error', 'inspected_clean', 'duplicate', 'not_worthwhile', 'other')",
    )
    op.create_check_constraint("dismissed", "case", "dismiss_reason IS NULL OR state = 'dismissed'")
    op.create_check_constraint(
        "merged", "case", "(state = 'merged') = (merged_into_id IS NOT NULL) AND merged_into_id <> id"
    )
    op.create_foreign_key(op.f("fk_case_merged_into_id"), "case", "case", ["merged_into_id"], ["id"])
    op.create_index(
        op.f("ix_case_merged_into_id"),
        "case",
        ["merged_into_id"],
        postgresql_where=sa.text("merged_into_id IS NOT NULL"),
    )

    op.add_column("inspection", sa.Column("withdrawn_on", sa.Date()))
    op.add_column("inspection", sa.Column("inspector_name", sa.Text()))
    op.create_index(
        "uq_inspection_awaited",
        "inspection",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("case_id IS NOT NULL AND outcome IS NULL AND withdrawn_on IS NULL"),
    )
    op.create_table(
        "inspection_measurement",
        sa.Column("inspection_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "quantity",
            _choice(
                "measured_quantity",
                "voltage_v",
                "current_a",
                "active_power_kw",
                "power_factor",
                "meter_error_percent",
                "register_index_kwh",
                "multiplier",
            ),
            nullable=False,
        ),
        sa.Column("phase", sa.SmallInteger(), server_default="0", autoincrement=False, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.CheckConstraint("phase BETWEEN 0 AND 3", name=op.f("ck_inspection_measurement_phase")),
        sa.CheckConstraint("value BETWEEN -1e12 AND 1e12", name=op.f("ck_inspection_measurement_value")),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_inspection_measurement_inspection_id")
        ),
        sa.PrimaryKeyConstraint("inspection_id", "quantity", "phase", name=op.f("pk_inspection_measurement")),
        info={"natural_key": ("inspection_id", "quantity", "phase")},
    )
    op.create_table(
        "inspection_seal",
        sa.Column("inspection_id", sa.BigInteger(), nullable=False),
        sa.Column("seal_no", sa.Text(), nullable=False),
        sa.CheckConstraint("char_length(seal_no) BETWEEN 1 AND 50", name=op.f("ck_inspection_seal_seal_no")),
        sa.ForeignKeyConstraint(
            ["inspection_id"], ["inspection.id"], name=op.f("fk_inspection_seal_inspection_id")
        ),
        sa.PrimaryKeyConstraint("inspection_id", "seal_no", name=op.f("pk_inspection_seal")),
        info={"natural_key": ("inspection_id", "seal_no")},
    )

    op.create_table(
        "case_comment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("char_length(text) BETWEEN 1 AND 4000", name=op.f("ck_case_comment_text")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_comment_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_comment")),
        info={"natural_key": ("id",)},
    )
    op.create_index(op.f("ix_case_comment_case_id_id"), "case_comment", ["case_id", "id"])
    op.create_table(
        "case_link",
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("other_case_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            _choice("case_link_kind", "same_loss", "same_site", "same_method", "related"),
            nullable=False,
        ),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("case_id <> other_case_id", name=op.f("ck_case_link_two_cases")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_case_link_case_id")),
        sa.ForeignKeyConstraint(["other_case_id"], ["case.id"], name=op.f("fk_case_link_other_case_id")),
        sa.ForeignKeyConstraint(
            ["other_case_id", "case_id", "kind"],
            ["case_link.case_id", "case_link.other_case_id", "case_link.kind"],
            name="fk_case_link_mirror",
        ),
        sa.PrimaryKeyConstraint("case_id", "other_case_id", "kind", name=op.f("pk_case_link")),
        info={"natural_key": ("case_id", "other_case_id", "kind")},
    )
    op.create_index(
        op.f("ix_case_link_other_case_id_case_id_kind"), "case_link", ["other_case_id", "case_id", "kind"]
    )

    op.create_table(
        "idempotency_key",
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.CheckConstraint("char_length(key) BETWEEN 8 AND 100", name=op.f("ck_idempotency_key_key")),
        sa.CheckConstraint("octet_length(body_sha256) = 32", name=op.f("ck_idempotency_key_body_sha256")),
        sa.PrimaryKeyConstraint("principal_id", "key", name=op.f("pk_idempotency_key")),
        info={"natural_key": ("principal_id", "key")},
    )
    op.create_index(op.f("ix_idempotency_key_created_at"), "idempotency_key", ["created_at"])


def downgrade() -> None:
    op.drop_table("idempotency_key")
    op.drop_table("case_link")
    op.drop_table("case_comment")
    op.drop_table("inspection_seal")
    op.drop_table("inspection_measurement")
    op.drop_index("uq_inspection_awaited", table_name="inspection")
    op.drop_column("inspection", "inspector_name")
    op.drop_column("inspection", "withdrawn_on")
    # The version before knows no merged case: there it is one that a person closed, with the reason in words.
    op.drop_constraint("merged", "case", type_="check")
    op.execute("UPDATE \"case\" SET state = 'dismissed' WHERE state = 'merged'")
    op.drop_column("case", "merged_into_id")
    op.drop_column("case", "dismiss_reason")
    _allow_states(*_STATES)
