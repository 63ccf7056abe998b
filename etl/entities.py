"""What can be imported, read off the models: fields, types, natural keys, parents, checks.

A *field* is a column, or, for a foreign key, the column's name without `_id`; its value is then the natural
key of the parent. There is no second list of columns anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import polars as pl
import sqlalchemy as sa

from tarazu.models import Base

# Written by the importer itself from another field of the same entity.
DERIVED: Final[Mapping[tuple[str, str], str]] = {("customer", "name_search_key"): "name"}

_WORD: Final = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Check:
    """A CHECK constraint that compares columns of one row: NULL passes, as in SQL."""

    name: str
    condition: str
    columns: frozenset[str]

    def violated(self) -> pl.Expr:
        """True where the row would be refused. `pl.sql_expr` reads the same text as PostgreSQL."""
        return (~pl.sql_expr(self.condition)).fill_null(value=False)


@dataclass(frozen=True)
class Entity:
    """A table that files can fill."""

    name: str
    table: sa.Table
    natural_key: tuple[str, ...]

    @cached_property
    def columns(self) -> dict[str, sa.Column[Any]]:
        """Fillable columns by field name, parents included, in the order of the table."""
        return dict(self._fields())

    def _fields(self) -> Iterator[tuple[str, sa.Column[Any]]]:
        for column in self.table.columns:
            if column.primary_key or column.computed is not None or column.name == "created_at":
                continue
            if not column.foreign_keys:
                yield column.name, column
            elif self._target(column) in _loadable_names():
                yield column.name.removesuffix("_id"), column

    @cached_property
    def parents(self) -> dict[str, Entity]:
        """The parent entities by field name."""
        return {
            field: entities()[self._target(column)]
            for field, column in self.columns.items()
            if column.foreign_keys
        }

    @staticmethod
    def _target(column: sa.Column[Any]) -> str:
        return next(iter(column.foreign_keys)).column.table.name

    @cached_property
    def key_fields(self) -> tuple[str, ...]:
        """The natural key in fields."""
        by_column = {column.name: field for field, column in self.columns.items()}
        return tuple(by_column[name] for name in self.natural_key)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        names = {column.name for column in self.table.columns}
        found = []
        for constraint in self.table.constraints:
            # An enumeration's CHECK has no text; the converters see to those.
            if isinstance(constraint, sa.CheckConstraint) and isinstance(constraint.sqltext, sa.TextClause):
                condition = str(constraint.sqltext)
                name = str(constraint.name).removeprefix(f"ck_{self.name}_")
                found.append(Check(name, condition, frozenset(_WORD.findall(condition)) & names))
        return tuple(sorted(found, key=lambda check: check.name))

    @cached_property
    def second_keys(self) -> tuple[tuple[str, ...], ...]:
        """Unique keys beside the natural one, as column names."""
        keys = [
            tuple(column.name for column in constraint.columns)
            for constraint in self.table.constraints
            if isinstance(constraint, sa.UniqueConstraint)
        ]
        return tuple(sorted(key for key in keys if key != self.natural_key))

    @property
    def validity_of(self) -> tuple[str, ...] | None:
        """Columns of which rows follow each other in time, if any."""
        return self.table.info.get("validity_of")

    def needs(self, field: str) -> bool:
        """Whether a row cannot exist without a value of this field."""
        column = self.columns[field]
        return column.name in self.natural_key or not column.nullable

    def default(self, field: str) -> str | None:
        """The text of a column's constant default in the database."""
        default = self.columns[field].server_default
        argument = getattr(default, "arg", None)
        return argument if isinstance(argument, str) else None

    def choices(self, field: str) -> tuple[str, ...] | None:
        """The members of an enumeration."""
        kind = self.columns[field].type
        return tuple(kind.enums) if isinstance(kind, sa.Enum) else None

    def dtype(self, field: str) -> pl.DataType:
        """The Polars type of a column's values."""
        return column_dtype(self.columns[field])


def column_dtype(column: sa.Column[Any]) -> pl.DataType:
    kind = column.type
    if isinstance(kind, sa.Enum | sa.Text):
        return pl.String()
    if isinstance(kind, sa.DateTime):
        return pl.Datetime("us", "UTC")
    types: tuple[tuple[type[Any], pl.DataType], ...] = (
        (sa.Date, pl.Date()),
        (sa.Boolean, pl.Boolean()),
        (sa.SmallInteger, pl.Int16()),
        (sa.BigInteger, pl.Int64()),
        (sa.Integer, pl.Int32()),
        (sa.Double, pl.Float64()),
    )
    for sql_type, dtype in types:
        if isinstance(kind, sql_type):
            return dtype
    raise AssertionError(f"No Polars type is known for {column}.")


@cache
def _loadable_names() -> frozenset[str]:
    """Tables with a surrogate key, a natural key, and only such tables among their required parents."""
    tables = Base.metadata.sorted_tables
    names = {table.name for table in tables if table.info.get("natural_key") and _has_surrogate_key(table)}
    while True:
        # Not `sorted_tables` once: a table falls out when a parent of its own has fallen out.
        kept = {
            name
            for name in names
            if all(
                key.column.table.name in names or column.nullable
                for column in Base.metadata.tables[name].columns
                for key in column.foreign_keys
            )
        }
        if kept == names:
            return frozenset(names)
        names = kept


def _has_surrogate_key(table: sa.Table) -> bool:
    keys = list(table.primary_key.columns)
    return len(keys) == 1 and keys[0].identity is not None


@cache
def entities() -> dict[str, Entity]:
    """All importable entities by table name, parents before children."""
    return {
        # A plain str: SQLAlchemy's quoted names are a subclass that JSON libraries refuse as keys.
        str(table.name): Entity(str(table.name), table, tuple(table.info["natural_key"]))
        for table in Base.metadata.sorted_tables
        if table.name in _loadable_names()
    }
