"""Refused rows: with the file, the place, the column, the reason and what stood there."""

from __future__ import annotations

from typing import Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from etl.connection import ImportConnection
from etl.extract import COPIES, ORDINAL, Extracted, Extractor, values_of
from etl.merge import Merged
from etl.plan import EntityPlan
from etl.sources.base import Chunk
from etl.spool import Spool
from tarazu.models import Base, QuarantinedRow

_COLUMNS: Final = ("row_number", "entity", "column", "reason", "value", "raw")


class Quarantine:
    """Collects the refused rows of one file in its staging table, and moves them over with the merge."""

    def __init__(self, connection: ImportConnection, staged: sa.Table) -> None:
        self._connection = connection
        self._staged = staged

    def of_chunk(self, chunk: Chunk, extracted: Extracted) -> pl.DataFrame:
        """Rows that a converter or a check refused."""
        return _with_raw(chunk.rows, chunk.numbers, extracted.refused, extracted.plan.entity.name)

    def of_broken(self, chunk: Chunk, entity: str) -> pl.DataFrame:
        """Rows without the header's columns; they count for the first entity of their file."""
        broken = chunk.broken
        raw = pl.DataFrame({"line": [row.text for row in broken]}, schema={"line": pl.String})
        return pl.DataFrame(
            {
                "row_number": pl.Series([row.number for row in broken], dtype=pl.Int64),
                "entity": pl.repeat(entity, len(broken), dtype=pl.String, eager=True),
                "column": pl.repeat(None, len(broken), dtype=pl.String, eager=True),
                "reason": pl.Series([row.reason.value for row in broken], dtype=pl.String),
                "value": pl.repeat(None, len(broken), dtype=pl.String, eager=True),
                "raw": _json(raw),
            }
        )

    def add(self, rows: pl.DataFrame) -> None:
        if rows.height:
            self._connection.append(self._staged, rows)

    def add_merged(self, plan: EntityPlan, merged: Merged, spool: Spool, extractor: Extractor) -> None:
        """Rows that the merge refused, with every row that had been folded into one of them."""
        refused = merged.refused
        if refused.height == 0:
            return
        numbered = refused.with_columns((pl.col(ORDINAL) // plan.rows_per_source_row).alias("number"))
        for chunk in spool.chunks_with(numbered["number"]):
            first, last = chunk.numbers[0], chunk.numbers[-1]
            here = numbered.filter(pl.col("number").is_between(first, last))
            if (here[COPIES] > 1).any():
                here = _unfolded(plan, here, chunk, extractor)
            rows = chunk.rows[chunk.numbers.search_sorted(here["number"])]
            repeated = pl.DataFrame(
                {"value": values_of(rows, here["column"]), "first": here["first_ordinal"]}
            ).select(
                pl.when(pl.col("first").is_not_null())
                .then(
                    pl.format(
                        "{} (first in row {})", pl.col("value"), pl.col("first") // plan.rows_per_source_row
                    )
                )
                .otherwise("value")
            )
            here = here.select("number", "column", "reason", repeated.to_series().alias("value"))
            self.add(_with_raw(chunk.rows, chunk.numbers, here, plan.entity.name))

    def move(self, run_id: int, mapping: str, file: str) -> None:
        """Into the quarantine. What is there already, from an earlier import of the same file, stays as it is."""
        staged, target = self._staged, Base.metadata.tables[QuarantinedRow.__tablename__]
        parts = [
            sa.literal(mapping),
            sa.literal(file),
            *(staged.c[name] for name in ("raw", "entity", "column", "reason")),
        ]
        fingerprint = sa.func.md5(
            sa.func.concat_ws("\x1f", *(sa.func.coalesce(part, "\x1e") for part in parts))
        )
        rows = sa.select(
            sa.cast(fingerprint, target.c.fingerprint.type),
            sa.literal(run_id),
            sa.literal(mapping),
            sa.literal(file),
            *(sa.cast(staged.c[name], JSONB) if name == "raw" else staged.c[name] for name in _COLUMNS),
        ).order_by(staged.c.row_number, staged.c.entity)
        names = ["fingerprint", "import_run_id", "mapping", "file", *_COLUMNS]
        self._connection.execute(
            insert(target).from_select(names, rows).on_conflict_do_nothing(index_elements=["fingerprint"])
        )


def _unfolded(plan: EntityPlan, refused: pl.DataFrame, chunk: Chunk, extractor: Extractor) -> pl.DataFrame:
    """`refused` with a row for each source row that was folded into it."""
    rows = extractor.unfolded(plan, chunk)
    same = [column.name for column in plan.staged if column.reduce is None]
    first = rows.select(pl.col(ORDINAL).first().over(same)).to_series()
    members = pl.DataFrame({"first": first, ORDINAL: rows[ORDINAL]})
    return (
        refused.drop("number")
        .rename({ORDINAL: "first"})
        .join(members, on="first", how="left", maintain_order="left")
        .with_columns((pl.col(ORDINAL) // plan.rows_per_source_row).alias("number"))
    )


def _with_raw(rows: pl.DataFrame, numbers: pl.Series, refused: pl.DataFrame, entity: str) -> pl.DataFrame:
    """`refused` (number, column, reason, value) with its entity and the raw values of its rows."""
    found = rows[numbers.search_sorted(refused["number"])]
    return refused.select(
        pl.col("number").alias("row_number"),
        pl.lit(entity).alias("entity"),
        "column",
        "reason",
        _storable(pl.col("value")),
        _json(found).alias("raw"),
    )


def _storable(text: pl.Expr) -> pl.Expr:
    """PostgreSQL keeps no NUL, neither in text nor in jsonb: it becomes the sign for what cannot be shown."""
    return text.str.replace_all("\0", "\ufffd", literal=True)


def _json(rows: pl.DataFrame) -> pl.Series:
    """Each row as a JSON object of texts, of what the source has and no more."""
    if rows.height == 0:
        return pl.Series([], dtype=pl.String)
    return rows.select(pl.struct(_storable(pl.all().cast(pl.String))).struct.json_encode()).to_series()
