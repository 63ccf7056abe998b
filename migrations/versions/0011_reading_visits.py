"""Reading agents, their contractors and routes, what they read when, and cases about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KINDS = ("usage_point", "customer", "transformer")
_SUBJECTS = ("usage_point_id", "customer_id", "transformer_id")


def upgrade() -> None:
    op.create_table(
        "contractor",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contractor")),
        sa.UniqueConstraint("code", name=op.f("uq_contractor_code")),
        info={"natural_key": ("code",)},
    )
    op.create_table(
        "reading_agent",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agent_no", sa.Text(), nullable=False),
        sa.Column("contractor_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contractor_id"], ["contractor.id"], name=op.f("fk_reading_agent_contractor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_agent")),
        sa.UniqueConstraint("agent_no", name=op.f("uq_reading_agent_agent_no")),
        info={"natural_key": ("agent_no",)},
    )
    _index("reading_agent", "contractor_id")
    op.create_table(
        "reading_route",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_reading_route_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_route")),
        sa.UniqueConstraint("code", name=op.f("uq_reading_route_code")),
        info={"natural_key": ("code",)},
    )
    _index("reading_route", "district_id")
    op.create_table(
        "reading_visit",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("route_id", sa.BigInteger(), nullable=True),
        sa.Column("route_position", sa.BigInteger(), nullable=True),
        sa.Column("read_on", sa.Date(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("is_read", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("index_value", sa.Double(), nullable=True),
        sa.Column("consumption_kwh", sa.Double(), nullable=True),
        sa.Column("photo_index_value", sa.Double(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("is_corrected", sa.Boolean(), nullable=True),
        sa.CheckConstraint("latitude BETWEEN -90 AND 90", name=op.f("ck_reading_visit_latitude")),
        sa.CheckConstraint("longitude BETWEEN -180 AND 180", name=op.f("ck_reading_visit_longitude")),
        sa.CheckConstraint("route_position >= 0", name=op.f("ck_reading_visit_route_position")),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_reading_visit_usage_point_id")
        ),
        sa.ForeignKeyConstraint(["agent_id"], ["reading_agent.id"], name=op.f("fk_reading_visit_agent_id")),
        sa.ForeignKeyConstraint(["route_id"], ["reading_route.id"], name=op.f("fk_reading_visit_route_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading_visit")),
        sa.UniqueConstraint(
            "usage_point_id",
            "read_on",
            "agent_id",
            name=op.f("uq_reading_visit_usage_point_id_read_on_agent_id"),
        ),
        info={"natural_key": ("usage_point_id", "read_on", "agent_id")},
    )
    op.create_index(op.f("ix_reading_visit_agent_id_read_on"), "reading_visit", ["agent_id", "read_on"])
    _index("reading_visit", "route_id")

    op.add_column("case", sa.Column("reading_agent_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_case_reading_agent_id"), "case", "reading_agent", ["reading_agent_id"], ["id"]
    )
    _index("case", "reading_agent_id")
    _allow((*_KINDS, "reading_agent"), (*_SUBJECTS, "reading_agent_id"))


def downgrade() -> None:
    # The version before knows no such cases; its scans would open none.
    op.execute(
        "DELETE FROM finding WHERE case_id IN (SELECT id FROM \"case\" WHERE subject_kind = 'reading_agent')"
    )
    op.execute("DELETE FROM \"case\" WHERE subject_kind = 'reading_agent'")
    _allow(_KINDS, _SUBJECTS)
    op.drop_column("case", "reading_agent_id")
    op.drop_table("reading_visit")
    op.drop_table("reading_route")
    op.drop_table("reading_agent")
    op.drop_table("contractor")


def _index(table: str, column: str) -> None:
    op.create_index(
        op.f(f"ix_{table}_{column}"), table, [column], postgresql_where=sa.text(f"{column} IS NOT NULL")
    )


def _allow(kinds: tuple[str, ...], subjects: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.execute('ALTER TABLE "case" DROP CONSTRAINT ck_case_subject_kind')
    op.execute(f'ALTER TABLE "case" ADD CONSTRAINT ck_case_subject_kind CHECK (subject_kind IN ({listed}))')
    op.execute('ALTER TABLE "case" DROP CONSTRAINT ck_case_one_subject')
    op.execute(
        'ALTER TABLE "case" ADD CONSTRAINT ck_case_one_subject '
        f"CHECK (num_nonnulls({', '.join(subjects)}) = 1)"
    )
