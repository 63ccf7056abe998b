"""Pages of a point's invoices and payments as an index has them.

Both are read by day and, within a day, by id. The days of a point's bills and payments are not unique, so that the index
needs the id too: without it a page is sorted.
"""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# The table, what its index began with, and what it carries along.
_INDEXES: tuple[tuple[str, list[str], list[str]], ...] = (
    ("invoice", ["usage_point_id", "period_end"], ["period_start", "consumption_kwh"]),
    ("payment", ["usage_point_id", "paid_on"], []),
)


def upgrade() -> None:
    for table, columns, included in _INDEXES:
        _replace(table, columns, [*columns, "id"], included)


def downgrade() -> None:
    for table, columns, included in _INDEXES:
        _replace(table, [*columns, "id"], columns, included)


def _replace(table: str, before: list[str], now: list[str], included: list[str]) -> None:
    op.create_index(_name(table, now), table, now, postgresql_include=included)
    op.drop_index(_name(table, before), table_name=table)


def _name(table: str, columns: list[str]) -> str:
    return str(op.f(f"ix_{table}_{'_'.join(columns)}"))
