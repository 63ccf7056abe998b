"""A mapping laid over the columns that a file really has: which columns are staged, and what they fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import polars as pl

from etl.entities import DERIVED, Entity, entities
from etl.mapping import EACH, Condition, EntityMapping, Field, FileMapping, MinusMonths, Reduce, Value
from tarazu.errors import SourceError
from tarazu.text import search_key


@dataclass(frozen=True)
class StagedColumn:
    """A converted value that is staged. `label` names its source columns in the quarantine."""

    name: str
    value: Value
    dtype: pl.DataType
    reduce: Reduce | None
    required: bool

    @property
    def label(self) -> str:
        return ", ".join(dict.fromkeys(self.value.columns()))


@dataclass(frozen=True)
class ParentKey:
    """The natural key of a parent: staged columns and parents of the parent, by its key fields."""

    entity: Entity
    parts: Mapping[str, str | ParentKey]

    def columns(self) -> Iterator[str]:
        for part in self.parts.values():
            if isinstance(part, str):
                yield part
            else:
                yield from part.columns()


@dataclass(frozen=True)
class EntityPlan:
    """One entity of a file, ready to be extracted and merged.

    `target` is, for every field that the file fills, a staged column or the key of a parent.
    """

    entity: Entity
    position: int
    staged: tuple[StagedColumn, ...]
    target: Mapping[str, str | ParentKey]
    when: Condition | None
    each: tuple[tuple[str, str], ...]

    @property
    def rows_per_source_row(self) -> int:
        """How many rows of the entity one source row may give; ordinals count by it."""
        return max(len(self.each), 1)

    @cached_property
    def key_columns(self) -> tuple[str, ...]:
        """Staged columns that together are the natural key."""
        return tuple(dict.fromkeys(c for field in self.entity.key_fields for c in self.columns_of(field)))

    @cached_property
    def joined_columns(self) -> frozenset[str]:
        """Staged columns that name the row or a parent of it."""
        parents = (target.columns() for target in self.target.values() if isinstance(target, ParentKey))
        return frozenset(self.key_columns).union(*parents)

    @cached_property
    def reduced(self) -> tuple[StagedColumn, ...]:
        return tuple(column for column in self.staged if column.reduce is not None)

    @cached_property
    def compared(self) -> tuple[str, ...]:
        """Staged columns in which two rows of one key must agree."""
        return tuple(c.name for c in self.staged if c.reduce is None and c.name not in self.key_columns)

    def columns_of(self, field: str) -> tuple[str, ...]:
        target = self.target[field]
        return (target,) if isinstance(target, str) else tuple(target.columns())

    def label_of(self, field: str) -> str:
        """The source columns of a field, for the quarantine."""
        by_name = {column.name: column.label for column in self.staged}
        labels = [by_name[name] for name in self.columns_of(field) if by_name[name]]
        return ", ".join(dict.fromkeys(labels)) or field


@dataclass(frozen=True)
class FilePlan:
    """What is done with one file. `used` are the columns that any entity reads."""

    file: FileMapping
    source_name: str
    entities: tuple[EntityPlan, ...]


def plan_file(file: FileMapping, source_name: str, columns: list[str]) -> FilePlan:
    """Lay `file` over the `columns` of a source (those of a joined file are called `file.column`).

    Raises SourceError where a column is missing, and names the columns that are there.
    """
    names = _Names(source_name, columns)
    order = list(entities())
    ranked = sorted(
        enumerate(file.entities), key=lambda item: (order.index(item[1].entity), item[0])
    )  # parents first, whatever the mapping's order
    plans = tuple(_Planner(mapping, names).plan(position) for position, (_, mapping) in enumerate(ranked))
    return FilePlan(file, source_name, plans)


class _Names:
    """The columns of a source by the names that a mapping gives them: letters and spaces may differ in kind."""

    def __init__(self, source: str, columns: list[str]) -> None:
        self._source = source
        self._columns = columns
        self._by_key = {search_key(column): column for column in reversed(columns)}

    def find(self, name: str) -> str | None:
        return name if name in self._columns else self._by_key.get(search_key(name))

    def need(self, name: str, line: int) -> str:
        found = self.find(name)
        if found is None:
            raise SourceError(
                f"{self._source} has no column {name!r}, which line {line} of the mapping names.",
                mend=f"Its columns are {', '.join(self._columns)}. Correct the mapping, or its encoding and delimiter.",
            )
        return found


class _Planner:
    def __init__(self, mapping: EntityMapping, names: _Names) -> None:
        self._mapping = mapping
        self._entity = entities()[mapping.entity]
        self._names = names
        self._staged: dict[tuple[Any, ...], StagedColumn] = {}

    def plan(self, position: int) -> EntityPlan:
        target: dict[str, str | ParentKey] = {}
        for name in self._entity.columns:
            field = self._mapping.fields.get(name)
            if field is not None and self._is_there(field):
                target[name] = self._target(self._entity, name, field, name, field.required)
        for (entity, derived), source in DERIVED.items():
            if entity == self._entity.name and source in target:
                self._derive(derived, self._mapping.fields[source])
                target[derived] = derived
        when = self._mapping.when
        if when is not None:
            when = replace(when, column=self._names.need(when.column, self._mapping.line))
        each = self._mapping.for_each
        return EntityPlan(
            self._entity,
            position,
            tuple(self._staged.values()),
            target,
            when,
            tuple((value, self._names.need(column, self._mapping.line)) for value, column in each.columns)
            if each is not None
            else (),
        )

    def _is_there(self, field: Field) -> bool:
        """An optional field without its columns is left out. A parent is, when any part of its key is."""
        if field.optional and any(
            column != EACH and self._names.find(column) is None for column in field.columns()
        ):
            return False
        return all(self._is_there(part) for part in field.parts.values())

    def _target(self, entity: Entity, name: str, field: Field, path: str, required: bool) -> str | ParentKey:
        parent = entity.parents.get(name)
        if parent is None:
            return self._stage(path, field, entity.dtype(name), required)
        if field.value is not None:
            key = parent.key_fields[0]
            return ParentKey(parent, {key: self._stage(path, field, parent.dtype(key), required)})
        return ParentKey(
            parent,
            {
                part: self._target(parent, part, field.parts[part], f"{path}__{part}", required)
                for part in parent.key_fields
            },
        )

    def _stage(self, path: str, field: Field, dtype: pl.DataType, required: bool) -> str:
        """The staged column of a value; equal values of one entity share one."""
        assert field.value is not None
        value = self._resolved(field.value, field.line)
        identity = (value, str(dtype), field.reduce)
        known = self._staged.get(identity)
        if known is None:
            self._staged[identity] = StagedColumn(path, value, dtype, field.reduce, required)
        elif required and not known.required:
            self._staged[identity] = replace(known, required=True)
        return self._staged[identity].name

    def _derive(self, name: str, source: Field) -> None:
        assert source.value is not None
        value = replace(self._resolved(source.value, source.line), convert="search_key")
        self._staged[value, "String", source.reduce] = StagedColumn(
            name, value, pl.String(), source.reduce, required=False
        )

    def _resolved(self, value: Value, line: int) -> Value:
        """`value` with the columns as the file writes them."""

        def column(name: str) -> str:
            return name if name == EACH else self._names.need(name, line)

        minus = value.minus_months
        return replace(
            value,
            column=None if value.column is None else column(value.column),
            key=tuple(self._resolved(part, line) if isinstance(part, Value) else part for part in value.key),
            sum=tuple(self._resolved(part, line) for part in value.sum),
            minus_months=None if minus is None else MinusMonths(column(minus.column), minus.limit),
        )
