"""Builds the one statement of a root field, as a SQLAlchemy expression, from its plan.

Every object is `row_to_json` over a sub-select whose columns are named by the response keys; every list is `json_agg`
over rows that were cut by LIMIT before. Sub-selects correlate with their parent explicitly: without that SQLAlchemy
would join it a second time, silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Select,
    Text,
    bindparam,
    column,
    func,
    null,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB

from graphql_api.compiler.binding import named
from graphql_api.compiler.errors import NoStatementError
from graphql_api.compiler.fragments import (
    EMPTY_LIST,
    enumeration_name,
    global_id,
    order_by,
    text,
    whole,
)
from graphql_api.compiler.mapping import Computed, Elements, Join, Many, RootRows, Source, TypeMapping, Values
from graphql_api.compiler.nodes import (
    GlobalId,
    Hidden,
    Leaf,
    NestedPage,
    Page,
    Related,
    Root,
    Rows,
    Selection,
    TypeName,
)
from graphql_api.compiler.page import PageRows
from graphql_api.compiler.sites import SiteValues
from tarazu.paging import Order
from tarazu.security.principal import RowScope
from tarazu.security.row_scope import ScopeValues

TODAY: Final = "today"
DISTRICTS: Final = "scope_district_ids"
SECTORS: Final = "scope_sectors"


def shared_values(scope: RowScope) -> Values:
    """The bound values that every statement has; a scope that does not restrict leaves no trace in it."""
    return Values(
        ScopeValues(
            None if scope.district_ids is None else bindparam(DISTRICTS, type_=ARRAY(BigInteger)),
            None if scope.sectors is None else bindparam(SECTORS, type_=ARRAY(Text)),
        ),
        bindparam(TODAY, type_=Date),
    )


@dataclass(slots=True)
class Builder:
    """Builds one statement. Aliases are numbered, so that the same plan always gives the same text."""

    values: Values
    site_values: Sequence[SiteValues]
    _names: int = field(default=0)

    def statement(self, root: Root) -> Select[Any]:
        """One row with one column: the JSON text of the field."""
        if isinstance(root.content, TypeName):
            return select(func.to_json(text(root.content.name)))
        row = root.content.type.row
        source: Source = root.mapping.reader.source(
            self.site_values[root.site].shape, named(root.site), self.values, row
        )
        if isinstance(root.content, Page):
            return select(func.row_to_json(self._page(root.content, source, None, None)))
        rows = self._rows(root.content, source, None, None)
        if isinstance(root.mapping, RootRows):
            return select(func.coalesce(func.json_agg(rows.table_valued()), EMPTY_LIST))
        return select(func.row_to_json(rows.table_valued()))

    def _rows(
        self, selection: Selection, source: Source, parent: FromClause | None, join: Join | None
    ) -> Any:
        """The rows of a source as a sub-select with a column for each response key."""
        statement = select(*self.columns(selection, source.rows)).select_from(source.rows)
        statement = statement.where(*self._conditions(selection.type, source, parent, join))
        if source.order is not None:
            statement = statement.order_by(*order_by(source.order, source.rows))
        return statement.correlate(parent).subquery(self.name("n"))

    def _conditions(
        self, mapped: TypeMapping, source: Source, parent: FromClause | None, join: Join | None
    ) -> list[ColumnElement[bool]]:
        conditions = list(source.conditions)
        if parent is not None and join is not None:
            conditions.append(join(parent.c, source.rows.c, self.values))
        # The row scope of every type, at every depth.
        scope = mapped.row.scope(source.rows.c, self.values.scope)
        if scope is not None:
            conditions.append(scope)
        return conditions

    def columns(self, selection: Selection, rows: FromClause) -> list[ColumnElement[Any]]:
        return [self._column(asked, selection, rows).label(asked.key) for asked in selection.fields]

    def _column(self, asked: Any, selection: Selection, rows: FromClause) -> ColumnElement[Any]:
        match asked:
            case Leaf():
                return self._leaf(asked, rows)
            case Hidden():
                return null()
            case TypeName(_, name):
                return text(name)
            case GlobalId():
                return global_id(selection.type, rows)
            case Related(_, mapping, inner):
                target = _aliased(inner.type)
                found = self._rows(inner, Source(target), rows, mapping.relation.join)
                return whole(found)
            case Rows(_, mapping, inner):
                return self._list(mapping, inner, rows)
            case NestedPage():
                return self._nested_page(asked, rows)
        raise AssertionError(asked)

    def _leaf(self, asked: Leaf, rows: FromClause) -> ColumnElement[Any]:
        mapping = asked.mapping
        if isinstance(mapping, Computed):
            value = mapping.expression(rows.c, self.values)
        else:
            value = rows.c[mapping.name]
        return value if asked.enumeration is None else enumeration_name(value, asked.enumeration)

    def _list(self, mapping: Any, inner: Selection, rows: FromClause) -> ColumnElement[Any]:
        if isinstance(mapping, Elements):
            elements = (
                func.jsonb_array_elements(rows.c[mapping.column])
                .table_valued(column("element", JSONB), with_ordinality="position", name=self.name("j"))
                .render_derived()
            )
            source = Source(elements, order=Order("element", ("position",), (int,)))
            found = self._rows(inner, source, rows, None)
        else:
            source = Source(_aliased(inner.type), order=mapping.order)
            found = self._rows(inner, source, rows, mapping.relation.join)
        return select(func.coalesce(func.json_agg(found.table_valued()), EMPTY_LIST)).scalar_subquery()

    def _nested_page(self, asked: NestedPage, rows: FromClause) -> ColumnElement[Any]:
        mapping: Many = asked.mapping
        shape = self.site_values[asked.site].shape
        source = mapping.reader.source(shape, named(asked.site), self.values, asked.page.type.row)
        return self._page(asked.page, source, rows, mapping.relation.join)

    def _page(
        self, page: Page, source: Source, parent: FromClause | None, join: Join | None
    ) -> ColumnElement[Any]:
        """The JSON object of a connection."""
        if source.order is None or source.first is None:
            raise NoStatementError("a page without an order", ())
        conditions = self._conditions(page.type, source, parent, join)
        cut = PageRows(self, page, source, conditions, parent)
        columns = [cut.column(asked).label(asked.key) for asked in page.fields]
        body = select(*columns)
        if cut.rows is not None:
            body = body.select_from(cut.rows)
        return whole(body.correlate(parent).subquery(self.name("c")))

    def name(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"


def _aliased(mapped: TypeMapping) -> FromClause:
    if mapped.row.table is None:
        raise NoStatementError(f"{mapped.name} has no table of its own", ())
    return mapped.row.table.alias()
