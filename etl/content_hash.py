"""What a database holds, as one digest a table, whatever ids and times its rows were given.

Two databases with equal digests say the same: after an import that was killed and run again, or a copy in another
order. Surrogate ids are replaced by the natural keys of the rows they point to.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import BIT
from sqlalchemy.ext.asyncio import AsyncEngine

from tarazu.models import Base

# The machinery's runs, who may come in, what subscribers were told, how rules are tuned and what was learnt are not of
# the utility. Receivables are computed from invoices and allocations by the database, copies of surrogate ids included.
EXCLUDED_TABLES: Final = frozenset(
    {
        "import_run",
        "scan_run",
        "lake_change",
        "receivable",
        "case_event",
        "case_event_pruned",
        "api_token",
        "user_account",
        "login_session",
        "audit_event",
        "rule_parameter",
        "rule_parameter_decision",
        "rule_status",
        "rule_exception",
        "rule_change_decision",
        "ranking_model",
        "ranking_promotion",
    }
)
_TIMES: Final = frozenset({"created_at", "updated_at"})


async def content_hash(engine: AsyncEngine) -> dict[str, str]:
    """The digest of every table by its name, of one moment.

    A digest does not depend on the order of rows. Left out are the tables of `EXCLUDED_TABLES` and columns that
    point to them, numbers that the database gives (identities) and the times of writing.
    """
    digests = {}
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        # Texts of times depend on it.
        await connection.execute(sa.text("SET LOCAL TIME ZONE 'UTC'"))
        for table in Base.metadata.sorted_tables:
            if table.name not in EXCLUDED_TABLES:
                row = (await connection.execute(_statement(table))).one()
                digests[str(table.name)] = hashlib.sha256(repr(tuple(map(str, row))).encode()).hexdigest()
    return digests


def _statement(table: sa.Table) -> sa.Select[Any]:
    """The number of rows, and the sums of both halves of their md5: sums need neither order nor memory."""
    rows = _Rows(table)
    text = sa.cast(sa.func.jsonb_build_array(*rows.values()), sa.Text)
    hashed = sa.select(sa.func.md5(text).label("digest")).select_from(rows.joined).subquery()
    halves = (sa.func.substr(hashed.c.digest, start, 16) for start in (1, 17))
    return sa.select(sa.func.count(), *(sa.func.sum(_as_number(half)) for half in halves)).select_from(hashed)


def _as_number(hexadecimal: Any) -> Any:
    bits = sa.cast(sa.literal("x", sa.Text).concat(hexadecimal), BIT(64))
    return sa.cast(bits, sa.BigInteger)


class _Rows:
    """The rows of a table, joined to all parents that their values need."""

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._parents = 0
        self.joined: sa.FromClause = table

    def values(self) -> list[Any]:
        return [
            self._value(self._table, column)
            for column in self._table.columns
            if not _is_of_the_database(column) and not _is_of_a_run(column)
        ]

    def _value(self, place: sa.FromClause, column: sa.Column[Any]) -> Any:
        """A value, or, in place of a surrogate id, the natural key of the parent as an array; null stays null."""
        own = place.c[column.name]
        target = _surrogate_of(column)
        if target is None:
            return own
        parent = target.alias(f"parent_{self._parents}")
        self._parents += 1
        self.joined = self.joined.outerjoin(parent, parent.c.id == own)
        key = [self._value(parent, target.c[name]) for name in target.info["natural_key"]]
        return sa.case((own.is_not(None), sa.func.jsonb_build_array(*key)))


def _surrogate_of(column: sa.Column[Any]) -> sa.Table | None:
    """The table into which a column points by a surrogate id."""
    for key in column.foreign_keys:
        if key.column.primary_key and key.column.identity is not None:
            return key.column.table
    return None


def _is_of_the_database(column: sa.Column[Any]) -> bool:
    return column.identity is not None or column.name in _TIMES


def _is_of_a_run(column: sa.Column[Any]) -> bool:
    return any(key.column.table.name in EXCLUDED_TABLES for key in column.foreign_keys)
