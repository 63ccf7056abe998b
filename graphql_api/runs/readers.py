"""Reader of sums of refused rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import BigInteger, Text

from graphql_api.aggregates import Aggregate, Statement, dimensions
from graphql_api.compiler.arguments import chosen_condition
from graphql_api.compiler.binding import Bind, Collected, filled
from graphql_api.compiler.mapping import ReadingLimits, Values
from tarazu.filtering import Condition
from tarazu.runs.repository import QuarantineDimension, quarantine_summary_statement


@dataclass(frozen=True, slots=True)
class _Shape:
    group_by: tuple[QuarantineDimension, ...]
    condition: Condition


def _read(arguments: Mapping[str, Any], limits: ReadingLimits, collected: Collected) -> _Shape:
    return _Shape(dimensions(arguments), chosen_condition(arguments, {}, limits, collected))


def _statement(shape: _Shape, bind: Bind, values: Values) -> Statement:
    return quarantine_summary_statement(shape.group_by, filled(shape.condition, bind), values.scope)


QUARANTINE_SUMMARY: Final = Aggregate(
    _read,
    _statement,
    {
        "import_run_id": BigInteger(),
        **dict.fromkeys(("mapping", "file", "entity", "column", "reason"), Text()),
    },
)
