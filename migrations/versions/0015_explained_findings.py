"""Findings that rest on readings of an agent whose own case carries them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("finding", sa.Column("explained_by_agent_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_finding_explained_by_agent_id"),
        "finding",
        "reading_agent",
        ["explained_by_agent_id"],
        ["id"],
    )
    op.create_index(
        op.f("ix_finding_explained_by_agent_id"),
        "finding",
        ["explained_by_agent_id"],
        postgresql_where=sa.text("explained_by_agent_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_finding_explained_by_agent_id"), table_name="finding")
    op.drop_constraint(op.f("fk_finding_explained_by_agent_id"), "finding", type_="foreignkey")
    op.drop_column("finding", "explained_by_agent_id")
