"""What a company sets for the parameters of rules, and who agreed to it

Both tables are append-only, as the audit log is: who set what, when and why cannot be written anew.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TABLES = ("rule_parameter", "rule_parameter_decision")

_REFUSE = """
CREATE FUNCTION refuse_change_of_rule_parameter() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END $$
"""


def upgrade() -> None:
    op.create_table(
        "rule_parameter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("parameter", sa.Text(), nullable=False),
        sa.Column(
            "tariff_class",
            sa.Enum(
                "residential",
                "public",
                "agricultural",
                "industrial",
                "other",
                name="tariff_class",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("least", sa.Double(), nullable=False),
        sa.Column("most", sa.Double(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_rule_parameter_version")),
        sa.CheckConstraint("value BETWEEN least AND most", name=op.f("ck_rule_parameter_bounds")),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name=op.f("ck_rule_parameter_reason")),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_rule_parameter_validity")
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_rule_parameter_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_parameter")),
        sa.UniqueConstraint(
            "rule_id",
            "parameter",
            "tariff_class",
            "district_id",
            "version",
            name="uq_rule_parameter_version",
            postgresql_nulls_not_distinct=True,
        ),
        sa.UniqueConstraint("id", "principal_id", name=op.f("uq_rule_parameter_id_principal_id")),
    )
    op.create_index(
        op.f("ix_rule_parameter_district_id"),
        "rule_parameter",
        ["district_id"],
        postgresql_where=sa.text("district_id IS NOT NULL"),
    )
    op.create_table(
        "rule_parameter_decision",
        sa.Column("rule_parameter_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("proposed_by_id", sa.Text(), nullable=False),
        sa.Column(
            "decision",
            sa.Enum(
                "approved", "rejected", name="decision", native_enum=False, create_constraint=True, length=32
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "principal_id <> proposed_by_id", name=op.f("ck_rule_parameter_decision_four_eyes")
        ),
        sa.CheckConstraint(
            "char_length(reason) BETWEEN 1 AND 1000", name=op.f("ck_rule_parameter_decision_reason")
        ),
        sa.ForeignKeyConstraint(
            ["rule_parameter_id", "proposed_by_id"],
            ["rule_parameter.id", "rule_parameter.principal_id"],
            name=op.f("fk_rule_parameter_decision_rule_parameter_id_proposed_by_id"),
        ),
        sa.PrimaryKeyConstraint("rule_parameter_id", name=op.f("pk_rule_parameter_decision")),
    )
    op.create_index(
        op.f("ix_rule_parameter_decision_rule_parameter_id_proposed_by_id"),
        "rule_parameter_decision",
        ["rule_parameter_id", "proposed_by_id"],
    )
    op.execute(_REFUSE)
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_rule_parameter()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.execute("DROP FUNCTION refuse_change_of_rule_parameter()")
