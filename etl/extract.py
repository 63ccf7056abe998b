"""Rows of a source into rows of entities: converted, checked, repeated ones folded into one.

Pure: the same chunk always gives the same result. That is how the quarantine finds the rows that were folded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from etl.convert import CONVERTERS, REASON, Converted, clean
from etl.convert.base import nothing_refused
from etl.convert.dates import minus_months
from etl.convert.texts import search_keys
from etl.mapping import EACH, Condition, Value
from etl.plan import EntityPlan, StagedColumn
from etl.reasons import CHECK_REASONS, Reason
from etl.sources.base import Chunk

ORDINAL: Final = "ordinal"
COPIES: Final = "copies"
# More distinct rows than this, and folding a chunk costs more than it saves.
_WORTH_FOLDING: Final = 0.5


@dataclass(frozen=True, slots=True)
class Extracted:
    """Rows of one entity.

    `rows`: ordinal, copies (how many source rows it stands for) and the staged columns.
    `refused`: number, column, reason, value. `rows_in` counts both, copies included.
    """

    plan: EntityPlan
    rows: pl.DataFrame
    refused: pl.DataFrame
    rows_in: int


class Extractor:
    """Reads the entities of one file out of its chunks."""

    def __init__(self, plans: tuple[EntityPlan, ...]) -> None:
        self._plans = plans
        self._folds = {plan.position: True for plan in plans}

    def extract(self, chunk: Chunk) -> Iterator[Extracted]:
        reader = _ChunkReader(chunk)
        for plan in self._plans:
            found = reader.entity(plan)
            if self._folds[plan.position]:
                folded = fold(plan, found.rows)
                # Judged once, on the first chunk that has rows; folding changes the cost, never the result.
                if found.rows.height and folded.height > found.rows.height * _WORTH_FOLDING:
                    self._folds[plan.position] = False
                found = replace(found, rows=folded)
            yield found

    def unfolded(self, plan: EntityPlan, chunk: Chunk) -> pl.DataFrame:
        """The rows of an entity as they were before folding."""
        return _ChunkReader(chunk).entity(plan).rows


def fold(plan: EntityPlan, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that agree in all but the reduced columns as one, the first of them."""
    same = [column.name for column in plan.staged if column.reduce is None]
    return (
        rows.group_by(same, maintain_order=True)
        .agg(
            pl.col(ORDINAL).first(),
            pl.col(COPIES).sum(),
            *(
                {"min": pl.col(column.name).min(), "max": pl.col(column.name).max()}.get(
                    str(column.reduce), pl.col(column.name).first()
                )
                for column in plan.reduced
            ),
        )
        .select(rows.columns)
    )


class _ChunkReader:
    """Converts each value of a chunk once, whichever entities use it."""

    def __init__(self, chunk: Chunk) -> None:
        self._chunk = chunk
        self._rows = chunk.rows
        self._converted: dict[tuple[Value, str], Converted] = {}

    def entity(self, plan: EntityPlan) -> Extracted:
        parts = [self._one(plan, place) for place in range(plan.rows_per_source_row)]
        rows = pl.concat([part.rows for part in parts])
        return Extracted(
            plan,
            rows.sort(ORDINAL) if len(parts) > 1 else rows,
            pl.concat([part.refused for part in parts]),
            sum(part.rows_in for part in parts),
        )

    def _one(self, plan: EntityPlan, place: int) -> Extracted:
        """The entity's rows, of one column of `for_each` if it has that."""
        exists = self._exists(plan, place)
        columns = {column.name: self._column(plan, column, place) for column in plan.staged}
        per_row = plan.rows_per_source_row
        rows = pl.DataFrame(
            {
                ORDINAL: self._chunk.numbers * per_row + place,
                COPIES: pl.repeat(1, self._rows.height, dtype=pl.Int32, eager=True),
                **{name: converted.values for name, converted in columns.items()},
            }
        )
        reason, culprit = self._first_refusals(plan, columns, rows)
        if reason is None or culprit is None:
            accepted = rows if exists is None else rows.filter(exists)
            return Extracted(plan, accepted, self._no_refusals(), accepted.height)
        if exists is None:
            exists = pl.repeat(True, rows.height, dtype=pl.Boolean, eager=True)  # the value to repeat
        accepted = rows.filter(exists & reason.is_null())
        refused = self._refusals(plan, place, exists & reason.is_not_null(), reason, culprit)
        return Extracted(plan, accepted, refused, accepted.height + refused.height)

    def _exists(self, plan: EntityPlan, place: int) -> pl.Series | None:
        exists = None if plan.when is None else _holds(self._rows, plan.when)
        if plan.each:
            filled = clean(self._rows[plan.each[place][1]]).is_not_null()
            exists = filled if exists is None else exists & filled
        return exists

    def _column(self, plan: EntityPlan, column: StagedColumn, place: int) -> Converted:
        value = _of_each(column.value, *plan.each[place]) if plan.each else column.value
        identity = (value, str(column.dtype))
        if identity not in self._converted:
            self._converted[identity] = self._convert(value, column.dtype)
        found = self._converted[identity]
        if column.required and found.values.null_count():
            return found.refusing(found.values.is_null(), Reason.MISSING)
        return found

    def _convert(self, value: Value, dtype: pl.DataType) -> Converted:
        if value.column is not None:
            return self._of_column(value, value.column, dtype)
        if value.key:
            return self._composed(value)
        if value.sum:
            return self._summed(value, dtype)
        text = str(value.const).lower() if isinstance(value.const, bool) else str(value.const)
        spec = value if value.enum else replace(value, enum=((text, text),))
        constant = CONVERTERS[value.convert or "text"](pl.Series([text]), spec, dtype).values[0]
        return Converted(pl.repeat(constant, self._rows.height, dtype=dtype, eager=True))

    def _of_column(self, value: Value, column: str, dtype: pl.DataType) -> Converted:
        if value.convert == "search_key":
            return Converted(search_keys(clean(self._rows[column], value.null_values)))
        found = CONVERTERS[value.convert or "text"](self._rows[column], value, dtype)
        if value.minus_months is None:
            return found
        months = CONVERTERS["integer"](self._rows[value.minus_months.column], value, pl.Int64())
        beyond = ~months.values.is_between(1, value.minus_months.limit)
        earlier = minus_months(found.values, months.values, value.calendar)
        return _with_refusals(Converted(earlier, found.refused), months).refusing(beyond, Reason.OUT_OF_RANGE)

    def _composed(self, value: Value) -> Converted:
        parts: list[pl.Expr] = []
        found = Converted(pl.repeat(None, self._rows.height, dtype=pl.String, eager=True))
        columns = []
        for place, part in enumerate(value.key):
            if isinstance(part, Value):
                converted = self._convert(part, pl.String())
                found = _with_refusals(found, converted)
                columns.append(converted.values.alias(str(place)))
                parts.append(pl.col(str(place)))
            else:
                parts.append(pl.lit(str(part)))
        frame = pl.DataFrame(columns) if columns else self._rows
        # Without one part there is no key: concat_str gives null as soon as a part is.
        joined = frame.select(pl.concat_str(parts, separator="-")).to_series()
        return Converted(joined, found.refused)

    def _summed(self, value: Value, dtype: pl.DataType) -> Converted:
        converted = [self._convert(part, dtype) for part in value.sum]
        frame = pl.DataFrame({str(place): part.values for place, part in enumerate(converted)})
        total = frame.select(
            pl.when(pl.any_horizontal(pl.all().is_not_null())).then(pl.sum_horizontal(pl.all()))
        ).to_series()
        found = Converted(total)
        for part in converted:
            found = _with_refusals(found, part)
        return found

    def _first_refusals(
        self, plan: EntityPlan, columns: dict[str, Converted], rows: pl.DataFrame
    ) -> tuple[pl.Series | None, pl.Series | None]:
        """For every row the reason of its first refusal and the column it is about; None where nothing is."""
        reason: pl.Series | None = None
        culprit: pl.Series | None = None
        refusals = [(c.label or c.name, columns[c.name].refused) for c in plan.staged]
        for label, refused in [*refusals, *self._violations(plan, rows)]:
            if refused is None:
                continue
            if reason is None or culprit is None:
                reason = nothing_refused(len(refused))
                culprit = pl.repeat(None, len(refused), dtype=pl.String, eager=True)
            new = reason.is_null() & refused.is_not_null()
            culprit = culprit.set(new, label)
            reason = reason.zip_with(~new, refused)
        return reason, culprit

    @staticmethod
    def _violations(plan: EntityPlan, rows: pl.DataFrame) -> Iterator[tuple[str, pl.Series | None]]:
        """CHECK constraints whose columns are all staged here. The others are looked at in the merge."""
        by_column = {
            plan.entity.columns[field].name: target
            for field, target in plan.target.items()
            if isinstance(target, str)
        }
        for check in plan.entity.checks:
            if not check.columns <= by_column.keys():
                continue
            frame = rows.select(pl.col(by_column[name]).alias(name) for name in check.columns)
            violated = frame.select(check.violated()).to_series()
            if violated.any():
                reason = CHECK_REASONS.get(check.name, Reason.CHECK)
                labels = [
                    plan.label_of(field)
                    for field, c in plan.entity.columns.items()
                    if c.name in check.columns
                ]
                wrong = Converted(pl.repeat(None, len(violated), dtype=pl.Boolean, eager=True))
                yield ", ".join(dict.fromkeys(labels)), wrong.refusing(violated, reason).refused

    def _refusals(
        self, plan: EntityPlan, place: int, wrong: pl.Series, reason: pl.Series, culprit: pl.Series
    ) -> pl.DataFrame:
        each = plan.each[place][1] if plan.each else None
        labels = culprit.filter(wrong).str.replace(EACH, each or EACH, literal=True)
        rows = self._rows.filter(wrong)
        return pl.DataFrame(
            {
                "number": self._chunk.numbers.filter(wrong),
                "column": labels,
                "reason": reason.filter(wrong).cast(pl.String),
                "value": values_of(rows, labels),
            }
        )

    def _no_refusals(self) -> pl.DataFrame:
        return pl.DataFrame(
            schema={"number": pl.Int64, "column": pl.String, "reason": pl.String, "value": pl.String}
        )


def values_of(rows: pl.DataFrame, labels: pl.Series) -> pl.Series:
    """What stands in the columns that each label names, joined by a comma as in the label."""
    found = pl.repeat(None, rows.height, dtype=pl.String, eager=True)
    for label in labels.drop_nulls().unique().to_list():
        columns = [name for name in label.split(", ") if name in rows.columns] or (
            [label] if label in rows.columns else []
        )
        if columns:
            joined = rows.select(
                pl.concat_str(
                    [pl.col(name).cast(pl.String) for name in columns], separator=", ", ignore_nulls=True
                )
            ).to_series()
            found = joined.zip_with((labels == label).fill_null(value=False), found)
    return found


def _with_refusals(found: Converted, other: Converted) -> Converted:
    """`found`, also refused where `other` is."""
    if other.refused is None:
        return found
    earlier = found.refused if found.refused is not None else nothing_refused(len(found.values))
    refused = earlier.zip_with(earlier.is_not_null(), other.refused.cast(REASON))
    return Converted(found.values.set(refused.is_not_null(), None), refused)


def _of_each(value: Value, member: str, column: str) -> Value:
    if value.const == EACH:
        return replace(value, const=member)
    return replace(
        value,
        column=column if value.column == EACH else value.column,
        key=tuple(_of_each(part, member, column) if isinstance(part, Value) else part for part in value.key),
        sum=tuple(_of_each(part, member, column) for part in value.sum),
    )


def _holds(rows: pl.DataFrame, condition: Condition) -> pl.Series:
    """Where the condition holds. A number equals a number whichever way the source writes it: 1, 1.0."""
    text = clean(rows[condition.column], condition.null_values)
    if condition.test == "not_null":
        return text.is_not_null()
    texts = [str(operand) for operand in condition.operands if isinstance(operand, str)]
    numbers = [float(operand) for operand in condition.operands if not isinstance(operand, str)]
    found = text.is_in(texts).fill_null(value=False)
    if numbers:
        found = found | text.cast(pl.Float64, strict=False).is_in(numbers).fill_null(value=False)
    return ~found if condition.test == "not_equals" else found
