"""One entity of a staged file into its table, by sets, inside the transaction of the file.

Every statement works on all rows at once. In order: rows of one key are reduced to the first of them, parents are
looked up, what cannot go in is refused, existing rows are updated where they differ, and the rest is inserted.
The caller holds a lock on the table that keeps other writers out, so that what was looked up stays true.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from etl.connection import ImportConnection, compiled
from etl.entities import Check
from etl.extract import COPIES, ORDINAL
from etl.plan import EntityPlan, ParentKey
from etl.reasons import CHECK_REASONS, Reason

_EXISTING: Final = "existing_id"


@dataclass(frozen=True, slots=True)
class Merged:
    """`refused`: ordinal, copies, column, reason, first_ordinal (of a duplicate the row that came first)."""

    loaded: int
    refused: pl.DataFrame
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def quarantined(self) -> int:
        return sum(self.reasons.values())


class EntityMerge:
    def __init__(self, connection: ImportConnection, plan: EntityPlan, staged: sa.Table) -> None:
        self._connection = connection
        self._plan = plan
        self._entity = plan.entity
        self._table = plan.entity.table
        self._staged = staged
        temporary = sa.MetaData()
        position = plan.position
        self._refused = sa.Table(
            f"refused_{position}",
            temporary,
            sa.Column(ORDINAL, sa.BigInteger, autoincrement=False),
            sa.Column("column", sa.Text),
            sa.Column("reason", sa.Text),
            sa.Column("first_ordinal", sa.BigInteger),
            prefixes=["TEMPORARY"],
            postgresql_on_commit="DROP",
        )
        self._duplicate = sa.Table(
            f"duplicate_{position}",
            temporary,
            *(sa.Column(name, staged.c[name].type) for name in plan.key_columns),
            sa.Column("first_ordinal", sa.BigInteger),
            *(sa.Column(f"reduced_{c.name}", staged.c[c.name].type) for c in plan.reduced),
        )
        self._later = sa.Table(
            f"later_{position}",
            temporary,
            sa.Column(ORDINAL, sa.BigInteger),
            sa.Column("first_ordinal", sa.BigInteger),
            sa.Column("same", sa.Boolean),
        )
        self._resolved = sa.Table(
            f"resolved_{position}",
            temporary,
            sa.Column(ORDINAL, sa.BigInteger),
            sa.Column(_EXISTING, sa.BigInteger),
            sa.Column("unknown", sa.Text),
            *(sa.Column(name, self._table.c[name].type) for name in self._target_columns()),
        )
        self._has_duplicates = False
        self._is_resolved = False

    def _target_columns(self) -> list[str]:
        return [self._entity.columns[field].name for field in self._plan.target]

    def run(self) -> Merged:
        self._connection.execute(CreateTable(self._refused))
        self._find_duplicates()
        self._resolve()
        self._refuse_unknown_parents()
        for check in self._late_checks():
            self._refuse_violations(check)
        for key in self._entity.second_keys:
            self._refuse_second_key(key)
        loaded = self._update() + self._insert()
        if loaded and self._entity.validity_of is not None:
            self._close_predecessors(self._entity.validity_of)
        refused = self._refusals()
        counted = refused.group_by("reason").agg(pl.col(COPIES).sum())
        return Merged(loaded, refused, dict(counted.iter_rows()))

    # --- Rows of one key ------------------------------------------------------------------------------------

    def _find_duplicates(self) -> None:
        """Find keys that several rows have. Later rows that say the same are unchanged; others are refused."""
        staged, plan = self._staged, self._plan
        keys = [staged.c[name] for name in plan.key_columns]
        grouped = (
            sa.select(
                *keys,
                sa.func.min(staged.c[ORDINAL]).label("first_ordinal"),
                *(
                    (sa.func.max if c.reduce == "max" else sa.func.min)(staged.c[c.name]).label(
                        f"reduced_{c.name}"
                    )
                    for c in plan.reduced
                ),
            )
            .group_by(*keys)
            .having(sa.func.count() > 1)
        )
        self._has_duplicates = self._create(self._duplicate, grouped) > 0
        if not self._has_duplicates:
            return
        duplicate, first = self._duplicate, staged.alias("first")
        same = sa.and_(
            sa.true(), *(staged.c[name].is_not_distinct_from(first.c[name]) for name in plan.compared)
        )
        self._create(
            self._later,
            sa.select(staged.c[ORDINAL], duplicate.c.first_ordinal, same.label("same"))
            .join_from(
                staged,
                duplicate,
                sa.and_(*(staged.c[name] == duplicate.c[name] for name in plan.key_columns)),
            )
            .join(first, first.c[ORDINAL] == duplicate.c.first_ordinal)
            .where(staged.c[ORDINAL] > duplicate.c.first_ordinal),
        )
        later = self._later
        key_label = ", ".join(dict.fromkeys(plan.label_of(name) for name in self._entity.key_fields))
        self._refuse(
            sa.select(
                later.c[ORDINAL],
                sa.literal(key_label),
                sa.literal(Reason.DUPLICATE_KEY.value),
                later.c.first_ordinal,
            ).where(~later.c.same)
        )

    # --- Parents and existing rows --------------------------------------------------------------------------

    def _resolve(self) -> None:
        """The rows that speak for their keys, with the ids of parents and of the rows that exist already."""
        staged, plan = self._staged, self._plan
        joined: sa.FromClause = staged
        reduced: dict[str, Any] = {}
        if self._has_duplicates and plan.reduced:
            duplicate = self._duplicate
            joined = joined.outerjoin(
                duplicate, sa.and_(*(staged.c[name] == duplicate.c[name] for name in plan.key_columns))
            )
            # Of several rows the reduced value; `first` is what the first row says.
            reduced = {
                c.name: sa.func.coalesce(duplicate.c[f"reduced_{c.name}"], staged.c[c.name])
                for c in plan.reduced
                if c.reduce != "first"
            }

        def value(name: str) -> Any:
            return reduced.get(name, staged.c[name])

        parents = _Parents(joined, value)
        columns: dict[str, Any] = {}
        unknown: list[tuple[Any, str]] = []
        for name, target in plan.target.items():
            column = self._entity.columns[name].name
            if isinstance(target, str):
                columns[column] = value(target)
                continue
            columns[column] = parents.id_of(target)
            given = sa.and_(*(value(part).is_not(None) for part in target.columns()))
            unknown.append((sa.and_(given, columns[column].is_(None)), name))
        existing = self._table.alias("existing")
        source = parents.joined.outerjoin(
            existing, sa.and_(*(existing.c[name] == columns[name] for name in self._entity.natural_key))
        )
        query = sa.select(
            staged.c[ORDINAL],
            existing.c.id.label(_EXISTING),
            (sa.case(*unknown) if unknown else sa.cast(sa.null(), sa.Text)).label("unknown"),
            *(expression.label(name) for name, expression in columns.items()),
        ).select_from(source)
        if self._has_duplicates:
            later = self._later
            query = query.where(~sa.exists().where(later.c[ORDINAL] == staged.c[ORDINAL]))
        self._create(self._resolved, query)
        self._is_resolved = True
        self._connection.execute(f"ANALYZE {self._resolved.name} ({ORDINAL}, {_EXISTING})")

    def _refuse_unknown_parents(self) -> None:
        resolved = self._resolved
        labels = {name: self._plan.label_of(name) for name in self._plan.target}
        if not any(isinstance(target, ParentKey) for target in self._plan.target.values()):
            return
        self._refuse(
            sa.select(
                resolved.c[ORDINAL],
                sa.case(labels, value=resolved.c.unknown),
                sa.literal(Reason.UNKNOWN_PARENT.value),
                sa.null(),
            ).where(resolved.c.unknown.is_not(None))
        )

    # --- Constraints that need the whole row ----------------------------------------------------------------

    def _late_checks(self) -> list[Check]:
        """CHECKs that one file row cannot decide: a column is not in the file, or what is kept is computed."""
        filled = set(self._target_columns())
        by_staged = {
            target: self._entity.columns[name].name
            for name, target in self._plan.target.items()
            if isinstance(target, str)
        }
        computed = {by_staged[c.name] for c in self._plan.reduced if c.name in by_staged}
        if self._entity.validity_of is not None:
            computed.add("valid_to")
        return [
            check
            for check in self._entity.checks
            if check.columns & filled and (not check.columns <= filled or check.columns & computed)
        ]

    def _refuse_violations(self, check: Check) -> None:
        resolved, existing = self._resolved, self._table.alias("existing")
        final = (
            sa.select(
                resolved.c[ORDINAL],
                *(self._final(name, existing).label(name) for name in sorted(check.columns)),
            )
            .select_from(resolved.outerjoin(existing, existing.c.id == resolved.c[_EXISTING]))
            .subquery("final")
        )
        labels = [
            self._plan.label_of(field)
            for field in self._plan.target
            if self._entity.columns[field].name in check.columns
        ]
        self._refuse(
            sa.select(
                final.c[ORDINAL],
                sa.literal(", ".join(dict.fromkeys(labels))),
                sa.literal(CHECK_REASONS.get(check.name, Reason.CHECK).value),
                sa.null(),
            ).where(sa.text(f"NOT ({check.condition})"))
        )

    def _final(self, column: str, existing: Any) -> Any:
        """What a column will hold after the merge, of a row that exists or not."""
        resolved = self._resolved
        if column not in resolved.c:
            default = self._table.c[column].server_default
            fallback = getattr(default, "arg", None)
            kept = existing.c[column]
            if not isinstance(fallback, str):
                return kept
            initial = sa.cast(sa.literal(fallback), self._table.c[column].type)
            return sa.case((resolved.c[_EXISTING].is_(None), initial), else_=kept)
        return self._merged_value(column, existing)

    def _merged_value(self, column: str, existing: Any) -> Any:
        new, old = self._resolved.c[column], existing.c[column]
        kind = self._reduction(column)
        if kind == "min":
            return sa.func.least(old, new)
        if kind == "max":
            return sa.func.greatest(old, new)
        if column == "valid_to" and self._entity.validity_of is not None:
            # The importer closes periods itself, so a source that leaves them open does not open them again.
            return sa.func.coalesce(new, old)
        return new

    def _reduction(self, column: str) -> str | None:
        """How a value column is reduced; of parents only the rows of one file are."""
        reductions = {c.name: c.reduce for c in self._plan.reduced}
        for name, target in self._plan.target.items():
            if isinstance(target, str) and self._entity.columns[name].name == column:
                return reductions.get(target)
        return None

    def _refuse_second_key(self, key: Sequence[str]) -> None:
        """Refuse rows whose second unique key another row has, or will have.

        Rows that are refused keep what they have in the database, which may be what an accepted row is to get:
        so this goes on until nothing more is refused.
        """
        resolved, existing, other = self._resolved, self._table.alias("existing"), self._table.alias("other")
        own = [name for name in key if name not in self._entity.natural_key]
        if not any(name in resolved.c for name in own):
            return
        final = (
            sa.select(
                resolved.c[ORDINAL],
                resolved.c[_EXISTING],
                *(self._final(name, existing).label(name) for name in key),
            )
            .select_from(resolved.outerjoin(existing, existing.c.id == resolved.c[_EXISTING]))
            .subquery("final")
        )
        complete = sa.and_(*(final.c[name].is_not(None) for name in key))
        among_rows = sa.func.row_number().over(
            partition_by=[final.c[name] for name in key], order_by=final.c[ORDINAL]
        )
        # Rows of the table that stay as they are.
        stays = ~sa.exists().where(resolved.c[_EXISTING] == other.c.id)
        taken = sa.exists().where(*(other.c[name] == final.c[name] for name in key), stays)
        judged = (
            sa.select(final.c[ORDINAL], among_rows.label("place"), taken.label("taken"))
            .where(complete)
            .subquery()
        )
        label = ", ".join(
            dict.fromkeys(
                self._plan.label_of(f) for f in self._plan.target if self._entity.columns[f].name in key
            )
        )
        statement = sa.select(
            judged.c[ORDINAL], sa.literal(label), sa.literal(Reason.DUPLICATE_PERIOD.value), sa.null()
        ).where(sa.or_(judged.c.place > 1, judged.c.taken))
        while self._refuse(statement):
            pass
        self._free_second_keys(own)

    def _free_second_keys(self, own: Sequence[str]) -> None:
        """Empty the keys that will change, so that two rows can exchange theirs: unique keys are checked row by
        row.
        """
        table, resolved = self._table, self._resolved
        changes = sa.or_(*(table.c[name].is_distinct_from(self._final(name, table)) for name in own))
        self._connection.execute(
            sa.update(table)
            .values(dict.fromkeys(own, sa.null()))
            .where(
                table.c.id == resolved.c[_EXISTING], changes, *(table.c[name].is_not(None) for name in own)
            )
        )

    # --- Refusing -------------------------------------------------------------------------------------------

    def _refuse(self, rows: Any) -> int:
        """Note `rows` (ordinal, column, reason, first ordinal) as refused, and take them out of the merge."""
        refused, resolved = self._refused, self._resolved
        count = self._connection.execute(sa.insert(refused).from_select([c.name for c in refused.c], rows))
        if count and self._is_resolved:
            self._connection.execute(sa.delete(resolved).where(resolved.c[ORDINAL] == refused.c[ORDINAL]))
        return count

    def _refusals(self) -> pl.DataFrame:
        refused, staged, later = self._refused, self._staged, self._later
        if self._has_duplicates:
            # What only repeated a refused row is refused with it.
            self._connection.execute(
                sa.insert(refused).from_select(
                    [c.name for c in refused.c],
                    sa.select(later.c[ORDINAL], refused.c.column, refused.c.reason, refused.c.first_ordinal)
                    .join(refused, refused.c[ORDINAL] == later.c.first_ordinal)
                    .where(later.c.same),
                )
            )
        return self._connection.fetch(
            sa.select(
                refused.c[ORDINAL],
                staged.c[COPIES],
                refused.c.column,
                refused.c.reason,
                refused.c.first_ordinal,
            )
            .join(staged, staged.c[ORDINAL] == refused.c[ORDINAL])
            .order_by(refused.c[ORDINAL])
        )

    # --- Writing --------------------------------------------------------------------------------------------

    def _update(self) -> int:
        table, resolved = self._table, self._resolved
        names = [name for name in self._target_columns() if name not in self._entity.natural_key]
        if not names:
            return 0
        values = {name: self._merged_value(name, table) for name in names}
        differs = sa.or_(*(table.c[name].is_distinct_from(value) for name, value in values.items()))
        return self._connection.execute(
            sa.update(table).values(values).where(table.c.id == resolved.c[_EXISTING], differs)
        )

    def _insert(self) -> int:
        resolved = self._resolved
        names = self._target_columns()
        new = sa.select(*(resolved.c[name] for name in names)).where(resolved.c[_EXISTING].is_(None))
        return self._connection.execute(sa.insert(self._table).from_select(names, new))

    def _close_predecessors(self, parent: Sequence[str]) -> None:
        """End each open or overlapping period where the next one of its parent begins, unless the file said when."""
        table, resolved = self._table, self._resolved
        touched = sa.tuple_(*(table.c[name] for name in parent)).in_(
            sa.select(*(resolved.c[name] for name in parent))
        )
        following = (
            sa.select(
                table.c.id,
                sa.func.lead(table.c.valid_from)
                .over(partition_by=[table.c[name] for name in parent], order_by=table.c.valid_from)
                .label("next_from"),
            )
            .where(touched)
            .subquery("following")
        )
        conditions = [
            table.c.id == following.c.id,
            sa.or_(table.c.valid_to.is_(None), table.c.valid_to > following.c.next_from),
        ]
        if "valid_to" in resolved.c:
            conditions.append(
                ~sa.exists().where(
                    resolved.c.valid_to.is_not(None),
                    *(resolved.c[name] == table.c[name] for name in self._entity.natural_key),
                )
            )
        self._connection.execute(sa.update(table).values(valid_to=following.c.next_from).where(*conditions))

    def _create(self, table: sa.Table, query: Any) -> int:
        """CREATE TEMPORARY TABLE … AS; the number of rows. It is dropped with the transaction."""
        return self._connection.execute(
            f"CREATE TEMPORARY TABLE {table.name} ON COMMIT DROP AS {compiled(query)}"
        )


class _Parents:
    """Joins the tables of parents to a row source, each key once."""

    def __init__(self, joined: sa.FromClause, value: Any) -> None:
        self.joined = joined
        self._value = value
        self._ids: dict[tuple[Any, ...], Any] = {}

    def id_of(self, key: ParentKey) -> Any:
        """The id of a parent, null where it does not exist or its key is not whole."""
        parts = {
            name: self._value(part) if isinstance(part, str) else self.id_of(part)
            for name, part in key.parts.items()
        }
        identity = (key.entity.name, *key.columns())
        if identity not in self._ids:
            table = key.entity.table.alias(f"parent_{len(self._ids)}")
            condition = sa.and_(
                *(table.c[key.entity.columns[name].name] == expression for name, expression in parts.items())
            )
            self.joined = self.joined.outerjoin(table, condition)
            self._ids[identity] = table.c.id
        return self._ids[identity]
