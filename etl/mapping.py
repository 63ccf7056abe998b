"""A mapping: which files a source system writes, and which column is which field of which entity.

The written form is `mappings/mapping.schema.json`; `etl.mapping_file` reads it into these values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias

Calendar: TypeAlias = Literal["jalali", "gregorian"]
Reduce: TypeAlias = Literal["first", "min", "max"]
Scalar: TypeAlias = str | int | float | bool
Format: TypeAlias = Literal["csv", "xlsx", "parquet", "dbf", "iransystem", "query"]

# The column of `for_each` that is being read.
EACH: Final = "$each"


@dataclass(frozen=True, slots=True)
class MinusMonths:
    """Months taken off a date; fewer than 1 or more than `limit` refuses the row."""

    column: str
    limit: int


@dataclass(frozen=True)
class Value:
    """How one value of a field is obtained: exactly one of `column`, `const`, `key` and `sum` is set.

    Two equal values are the same value: they are converted and staged once. `line` is no part of that.
    """

    column: str | None = None
    const: Scalar | None = None
    key: tuple[Scalar | Value, ...] = ()
    sum: tuple[Value, ...] = ()
    convert: str | None = None
    enum: tuple[tuple[str, str], ...] = ()
    calendar: Calendar = "jalali"
    timezone: str = "Asia/Tehran"
    format: str | None = None
    width: int | None = None
    null_values: frozenset[str] = frozenset()
    minus_months: MinusMonths | None = None

    def columns(self) -> Iterator[str]:
        """Every source column that the value is made of."""
        if self.column is not None:
            yield self.column
        if self.minus_months is not None:
            yield self.minus_months.column
        for part in (*self.key, *self.sum):
            if isinstance(part, Value):
                yield from part.columns()


@dataclass(frozen=True)
class Field:
    """One field of an entity: a value, or the natural key of a parent by its fields."""

    value: Value | None
    parts: Mapping[str, Field]
    line: int
    required: bool = False
    optional: bool = False
    reduce: Reduce | None = None

    def values(self) -> Iterator[Value]:
        if self.value is not None:
            yield self.value
        for part in self.parts.values():
            yield from part.values()

    def columns(self) -> Iterator[str]:
        for value in self.values():
            yield from value.columns()


Test = Literal["not_null", "equals", "not_equals", "in"]
TESTS: tuple[Test, ...] = ("not_null", "equals", "not_equals", "in")


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows in which an entity exists: `test` is not_null, equals, not_equals or in."""

    column: str
    test: Test
    operands: tuple[Scalar, ...]
    null_values: frozenset[str]


@dataclass(frozen=True, slots=True)
class ForEach:
    """One entity a listed column: `field` gets the value under which the column is listed."""

    field: str
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class EntityMapping:
    entity: str
    fields: Mapping[str, Field]
    when: Condition | None
    for_each: ForEach | None
    line: int


@dataclass(frozen=True, slots=True)
class Join:
    """Columns of an earlier file, by a column that both have; they are named `file.column`."""

    file: str
    on: str


@dataclass(frozen=True)
class FileMapping:
    name: str
    match: tuple[str, ...]
    format: Format | None
    encoding: str
    delimiter: str
    sheet: str | None
    query: str | None
    join: Join | None
    entities: tuple[EntityMapping, ...]
    line: int


@dataclass(frozen=True)
class ImportMapping:
    name: str
    path: Path
    title: Mapping[str, str]
    files: tuple[FileMapping, ...]

    def file(self, name: str) -> FileMapping:
        return next(file for file in self.files if file.name == name)
