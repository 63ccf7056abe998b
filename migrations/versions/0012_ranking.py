"""Versions of the models that rank points for inspection, and which of them was in force."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_NOW = sa.text("now()")


def upgrade() -> None:
    op.create_table(
        "ranking_model",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("data_hash", sa.Text(), nullable=False),
        sa.Column("points", sa.BigInteger(), nullable=False),
        sa.Column("hits", sa.BigInteger(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("metrics", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("version ~ '^[0-9a-f]{12}$'", name=op.f("ck_ranking_model_version")),
        sa.CheckConstraint("hits > 0 AND points > hits", name=op.f("ck_ranking_model_outcomes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ranking_model")),
        sa.UniqueConstraint("version", name=op.f("uq_ranking_model_version")),
    )
    op.create_table(
        "ranking_promotion",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("model_id", sa.BigInteger(), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), server_default=_NOW, nullable=False),
        sa.Column("rolled_back_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["model_id"], ["ranking_model.id"], name=op.f("fk_ranking_promotion_model_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ranking_promotion")),
    )
    op.create_index(op.f("ix_ranking_promotion_model_id"), "ranking_promotion", ["model_id"])


def downgrade() -> None:
    op.drop_table("ranking_promotion")
    op.drop_table("ranking_model")
