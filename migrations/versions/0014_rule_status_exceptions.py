"""The status of a rule as a company sets it, exceptions from rules, and who agreed to either

The tables are append-only, as parameters of rules are. Findings say whether their rule is on trial.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLES = ("rule_status", "rule_exception", "rule_change_decision")
_SUBJECTS = {
    "usage_point_id": "usage_point",
    "customer_id": "customer",
    "transformer_id": "distribution_transformer",
    "reading_agent_id": "reading_agent",
    "district_id": "district",
}
_ONE_SUBJECT = "num_nonnulls(usage_point_id, customer_id, transformer_id, reading_agent_id)"


def _choice(name: str, *words: str) -> sa.Enum:
    return sa.Enum(*words, name=name, native_enum=False, create_constraint=True, length=32)


def _key() -> sa.Column[int]:
    return sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False)


def _said() -> list[sa.Column[Any]]:
    return [
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=False),
        sa.Column("principal_name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ]


def _proposed() -> list[sa.Column[Any]]:
    return [
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("needs_approval", sa.Boolean(), nullable=False),
        *_said(),
    ]


def upgrade() -> None:
    _make_status()
    _make_exception()
    _make_decision()
    for table in _TABLES:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_rule_parameter()"
        )
        op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only")
    op.add_column(
        "finding", sa.Column("on_trial", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )


def _make_status() -> None:
    op.create_table(
        "rule_status",
        _key(),
        *_proposed(),
        sa.Column(
            "status",
            _choice("rule_lifecycle", "draft", "shadow", "trial", "stable", "deprecated"),
            nullable=True,
        ),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column("most_findings", sa.Integer(), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("ck_rule_status_version")),
        sa.CheckConstraint(
            "coalesce(status = 'trial', false) OR num_nonnulls(district_id, most_findings) = 0",
            name=op.f("ck_rule_status_limits"),
        ),
        sa.CheckConstraint("most_findings >= 1", name=op.f("ck_rule_status_most_findings")),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name=op.f("ck_rule_status_reason")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_rule_status_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_status")),
        sa.UniqueConstraint("rule_id", "version", name=op.f("uq_rule_status_rule_id_version")),
        sa.UniqueConstraint("id", "principal_id", name=op.f("uq_rule_status_id_principal_id")),
    )
    _index("rule_status", "district_id")


def _make_exception() -> None:
    op.create_table(
        "rule_exception",
        _key(),
        *_proposed(),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("transformer_id", sa.BigInteger(), nullable=True),
        sa.Column("reading_agent_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "tariff_class",
            _choice("tariff_class", "residential", "public", "agricultural", "industrial", "other"),
            nullable=True,
        ),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.CheckConstraint("version >= 1", name=op.f("ck_rule_exception_version")),
        sa.CheckConstraint(
            f"{_ONE_SUBJECT} = 1 AND num_nonnulls(tariff_class, district_id) = 0"
            f" OR {_ONE_SUBJECT} = 0 AND num_nonnulls(tariff_class, district_id) >= 1",
            name=op.f("ck_rule_exception_subject"),
        ),
        sa.CheckConstraint(
            "valid_to - valid_from BETWEEN 0 AND 366", name=op.f("ck_rule_exception_validity")
        ),
        sa.CheckConstraint("char_length(owner) BETWEEN 1 AND 200", name=op.f("ck_rule_exception_owner")),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 1000", name=op.f("ck_rule_exception_reason")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_rule_exception_{column}"))
            for column, table in _SUBJECTS.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_exception")),
        sa.UniqueConstraint(
            "rule_id",
            "usage_point_id",
            "customer_id",
            "transformer_id",
            "reading_agent_id",
            "tariff_class",
            "district_id",
            "version",
            name="uq_rule_exception_version",
            postgresql_nulls_not_distinct=True,
        ),
        sa.UniqueConstraint("id", "principal_id", name=op.f("uq_rule_exception_id_principal_id")),
    )
    for column in _SUBJECTS:
        _index("rule_exception", column)


def _make_decision() -> None:
    op.create_table(
        "rule_change_decision",
        _key(),
        sa.Column("rule_status_id", sa.BigInteger(), nullable=True),
        sa.Column("rule_exception_id", sa.BigInteger(), nullable=True),
        sa.Column("proposed_by_id", sa.Text(), nullable=False),
        sa.Column("decision", _choice("decision", "approved", "rejected"), nullable=False),
        *_said(),
        sa.CheckConstraint(
            "num_nonnulls(rule_status_id, rule_exception_id) = 1", name=op.f("ck_rule_change_decision_change")
        ),
        sa.CheckConstraint("principal_id <> proposed_by_id", name=op.f("ck_rule_change_decision_four_eyes")),
        sa.CheckConstraint(
            "char_length(reason) BETWEEN 1 AND 1000", name=op.f("ck_rule_change_decision_reason")
        ),
        *(
            sa.ForeignKeyConstraint(
                [f"{table}_id", "proposed_by_id"],
                [f"{table}.id", f"{table}.principal_id"],
                name=op.f(f"fk_rule_change_decision_{table}_id_proposed_by_id"),
            )
            for table in ("rule_status", "rule_exception")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_change_decision")),
        *(
            sa.UniqueConstraint(
                f"{table}_id",
                "proposed_by_id",
                name=op.f(f"uq_rule_change_decision_{table}_id_proposed_by_id"),
            )
            for table in ("rule_status", "rule_exception")
        ),
    )


def _index(table: str, column: str) -> None:
    op.create_index(
        op.f(f"ix_{table}_{column}"),
        table,
        [column],
        postgresql_where=sa.text(f"{column} IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_column("finding", "on_trial")
    for table in reversed(_TABLES):
        op.drop_table(table)
