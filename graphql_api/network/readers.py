"""Readers of energy balances: arguments into the statements of `tarazu.network.balance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, Text, and_, select

from graphql_api.aggregates import Statement, padded, period, slot
from graphql_api.compiler.arguments import after_keys, page_start
from graphql_api.compiler.binding import Bind, Collected, Slot
from graphql_api.compiler.mapping import ReadingLimits, RowType, Source, Values
from graphql_api.filters import plain_text
from tarazu.models import DistributionTransformer, Feeder
from tarazu.network.balance import feeder_balance_statement, ranked, transformer_balance_statement
from tarazu.network.repository import FEEDER_BALANCE_ORDER, TRANSFORMER_BALANCE_ORDER
from tarazu.paging import Order


@dataclass(frozen=True, slots=True)
class _Shape:
    from_day: Slot
    to_day: Slot
    transformer: Slot | None
    feeder: Slot | None
    first: int
    after: tuple[Slot, ...] | None

    def within(self, bind: Bind) -> ColumnElement[bool] | None:
        columns = DistributionTransformer.__table__.c
        conditions: list[ColumnElement[bool]] = []
        if self.transformer is not None:
            conditions.append(columns.code == bind(self.transformer, Text()))
        if self.feeder is not None:
            feeders = select(Feeder.id).where(Feeder.code == bind(self.feeder, Text()))
            conditions.append(columns.feeder_id.in_(feeders))
        return and_(*conditions) if conditions else None


@dataclass(frozen=True, slots=True, eq=False)
class _BalanceReader:
    """A page of balances of a period."""

    statement: Callable[..., Statement]
    order: Order

    def read(self, arguments: Mapping[str, Any], limits: ReadingLimits) -> tuple[_Shape, tuple[Any, ...]]:
        collected = Collected()
        from_day, to_day = period(arguments, collected)
        for name in ("transformer", "feeder"):
            plain_text(arguments.get(name) or "", name)
        shape = _Shape(
            from_day,
            to_day,
            slot(arguments, "transformer", collected),
            slot(arguments, "feeder", collected),
            *page_start(arguments, self.order, limits, collected),
        )
        return shape, tuple(collected.values)

    def source(self, shape: _Shape, bind: Bind, values: Values, _row: RowType) -> Source:
        balances = self.statement(
            bind(shape.from_day, Date()), bind(shape.to_day, Date()), values.scope, shape.within(bind)
        )
        rows = padded(ranked(balances), {})
        return Source(rows, (), self.order, shape.first, after_keys(shape.after, self.order, rows.c, bind))


TRANSFORMER_BALANCES: Final = _BalanceReader(transformer_balance_statement, TRANSFORMER_BALANCE_ORDER)
FEEDER_BALANCES: Final = _BalanceReader(feeder_balance_statement, FEEDER_BALANCE_ORDER)
