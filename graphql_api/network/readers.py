"""Readers of energy balances: arguments into the statements of `tarazu.network.balance`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Date, Text, and_, select

from graphql_api.aggregates import PagedAggregate, Statement, period, slot
from graphql_api.compiler.binding import Bind, Collected, Slot
from graphql_api.compiler.mapping import Values
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

    def within(self, bind: Bind) -> ColumnElement[bool] | None:
        columns = DistributionTransformer.__table__.c
        conditions: list[ColumnElement[bool]] = []
        if self.transformer is not None:
            conditions.append(columns.code == bind(self.transformer, Text()))
        if self.feeder is not None:
            feeders = select(Feeder.id).where(Feeder.code == bind(self.feeder, Text()))
            conditions.append(columns.feeder_id.in_(feeders))
        return and_(*conditions) if conditions else None


def _read(arguments: Mapping[str, Any], collected: Collected) -> _Shape:
    from_day, to_day = period(arguments, collected)
    for name in ("transformer", "feeder"):
        plain_text(arguments.get(name) or "", name)
    return _Shape(
        from_day,
        to_day,
        slot(arguments, "transformer", collected),
        slot(arguments, "feeder", collected),
    )


def _balances(of: Callable[..., Statement], order: Order) -> PagedAggregate:
    def statement(shape: _Shape, bind: Bind, values: Values) -> Statement:
        days = bind(shape.from_day, Date()), bind(shape.to_day, Date())
        return ranked(of(*days, values.scope, shape.within(bind)))

    return PagedAggregate(_read, statement, lambda _: order)


TRANSFORMER_BALANCES: Final = _balances(transformer_balance_statement, TRANSFORMER_BALANCE_ORDER)
FEEDER_BALANCES: Final = _balances(feeder_balance_statement, FEEDER_BALANCE_ORDER)
