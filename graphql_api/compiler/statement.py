"""A statement as it is sent: its text, rendered once, and where each of its parameters comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql.asyncpg import dialect

from graphql_api.compiler.sites import SiteValues

_DIALECT: Final = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy annotates no dialect
_ARGUMENT: Final = re.compile(r"a(\d+)_(\d+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """Text with `$1` … and, for each of them: a site and slot, the name of a shared value, or a constant."""

    text: str
    parameters: tuple[tuple[int, int] | str | _Constant, ...]

    def bind(self, site_values: Sequence[SiteValues], shared: Mapping[str, Any]) -> list[Any]:
        """The values, in the order of the text."""
        values: list[Any] = []
        for parameter in self.parameters:
            if type(parameter) is tuple:
                site, slot = parameter
                values.append(site_values[site].values[slot])
            elif type(parameter) is str:
                values.append(shared[parameter])
            else:
                values.append(parameter.value)  # type: ignore[union-attr]  # the third kind
        return values


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Any


def render(statement: Select[Any], shared_names: frozenset[str]) -> Statement:
    """Raises sqlalchemy.exc.CompileError for what PostgreSQL could not be told."""
    compiled: Any = statement.compile(dialect=_DIALECT)
    parameters: list[tuple[int, int] | str | _Constant] = []
    for name in compiled.positiontup or ():
        if match := _ARGUMENT.fullmatch(name):
            parameters.append((int(match[1]), int(match[2])))
        elif name in shared_names:
            parameters.append(name)
        else:
            parameters.append(_Constant(compiled.params[name]))
    return Statement(compiled.string, tuple(parameters))
