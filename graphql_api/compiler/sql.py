"""Builds the one statement of a root field, as a SQLAlchemy expression, from its plan.

Every object is `row_to_json` over a sub-select whose columns are named by the response keys; every list is `json_agg`
over rows that were cut by LIMIT before. Sub-selects correlate with their parent explicitly: without that SQLAlchemy
would join it a second time, silently.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphql import GraphQLEnumType
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    ColumnElement,
    Date,
    FromClause,
    Select,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by

from graphql_api.compiler.binding import named
from graphql_api.compiler.errors import NoStatementError
from graphql_api.compiler.mapping import Computed, Elements, Join, Many, RootRows, Source, TypeMapping, Values
from graphql_api.compiler.nodes import (
    EdgeCursor,
    EdgeNode,
    Edges,
    GlobalId,
    Hidden,
    Leaf,
    NestedPage,
    Page,
    PageInfoField,
    PageInfos,
    Related,
    Root,
    Rows,
    Selection,
    TotalCount,
    TypeName,
)
from graphql_api.compiler.sites import SiteValues
from graphql_api.ids import KEY_SEPARATOR
from tarazu.paging import Order
from tarazu.security.principal import RowScope
from tarazu.security.row_scope import ScopeValues

TODAY: Final = "today"
DISTRICTS: Final = "scope_district_ids"
SECTORS: Final = "scope_sectors"

_EMPTY_LIST: Final = literal_column("'[]'::json", JSON)
_ROW_NUMBER: Final = "row_number__"
_CURSOR: Final = "cursor__"


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
            return select(func.to_json(_text(root.content.name)))
        row = root.content.type.row
        source: Source = root.mapping.reader.source(
            self.site_values[root.site].shape, named(root.site), self.values, row
        )
        if isinstance(root.content, Page):
            return select(func.row_to_json(self._page(root.content, source, None, None)))
        rows = self._rows(root.content, source, None, None)
        if isinstance(root.mapping, RootRows):
            return select(func.coalesce(func.json_agg(rows.table_valued()), _EMPTY_LIST))
        return select(func.row_to_json(rows.table_valued()))

    def _rows(
        self, selection: Selection, source: Source, parent: FromClause | None, join: Join | None
    ) -> Any:
        """The rows of a source as a sub-select with a column for each response key."""
        statement = select(*self._columns(selection, source.rows)).select_from(source.rows)
        statement = statement.where(*self._conditions(selection.type, source, parent, join))
        if source.order is not None:
            statement = statement.order_by(*_order_by(source.order, source.rows))
        return statement.correlate(parent).subquery(self._name("n"))

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

    def _columns(self, selection: Selection, rows: FromClause) -> list[ColumnElement[Any]]:
        return [self._column(asked, selection, rows).label(asked.key) for asked in selection.fields]

    def _column(self, asked: Any, selection: Selection, rows: FromClause) -> ColumnElement[Any]:
        match asked:
            case Leaf():
                return self._leaf(asked, rows)
            case Hidden():
                return null()
            case TypeName(_, name):
                return _text(name)
            case GlobalId():
                return _global_id(selection.type, rows)
            case Related(_, mapping, inner):
                target = _aliased(inner.type)
                found = self._rows(inner, Source(target), rows, mapping.relation.join)
                return _whole(found)
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
        return value if asked.enumeration is None else _enumeration_name(value, asked.enumeration)

    def _list(self, mapping: Any, inner: Selection, rows: FromClause) -> ColumnElement[Any]:
        if isinstance(mapping, Elements):
            elements = (
                func.jsonb_array_elements(rows.c[mapping.column])
                .table_valued(column("element", JSONB), with_ordinality="position", name=self._name("j"))
                .render_derived()
            )
            source = Source(elements, order=Order("element", ("position",), (int,)))
            found = self._rows(inner, source, rows, None)
        else:
            source = Source(_aliased(inner.type), order=mapping.order)
            found = self._rows(inner, source, rows, mapping.relation.join)
        return select(func.coalesce(func.json_agg(found.table_valued()), _EMPTY_LIST)).scalar_subquery()

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
        cut = _PageRows(self, page, source, conditions, parent)
        columns = [cut.column(asked).label(asked.key) for asked in page.fields]
        body = select(*columns)
        if cut.rows is not None:
            body = body.select_from(cut.rows)
        return _whole(body.correlate(parent).subquery(self._name("c")))

    def _name(self, letter: str) -> str:
        self._names += 1
        return f"{letter}{self._names}"


class _PageRows:
    """The rows of one page, and what a connection says of them.

    Where `pageInfo` looks past the page, one row more is read and numbered, and what hangs on a row is only computed
    for those that are shown (CASE guards it); else the page's rows are computed as they are read.
    """

    def __init__(
        self,
        builder: Builder,
        page: Page,
        source: Source,
        conditions: Sequence[ColumnElement[bool]],
        parent: FromClause | None,
    ) -> None:
        self.builder = builder
        self.source = source
        self.conditions = conditions
        self.parent = parent
        self.order: Order = source.order  # type: ignore[assignment]  # the caller has checked it
        self.first: int = source.first or 0
        edges = [asked for asked in page.fields if isinstance(asked, Edges)]
        infos = [asked for asked in page.fields if isinstance(asked, PageInfos)]
        self.looks_past = any(
            not isinstance(asked, TypeName) and asked[1] is not PageInfoField.HAS_PREVIOUS
            for info in infos
            for asked in info.fields
        )
        self.plain = edges[0] if len(edges) == 1 and not self.looks_past and _is_plain(edges[0]) else None
        self.edge_columns = {asked.key: f"edge{number}" for number, asked in enumerate(edges)}
        self.rows: Any = self._rows(edges) if edges or self.looks_past else None

    def _rows(self, edges: list[Edges]) -> Any:
        rows = self.source.rows
        window = select(*rows.c) if self.looks_past else select()
        window = window.select_from(rows).where(*self.conditions)
        if self.source.after is not None:
            here = tuple_(*(rows.c[key] for key in self.order.keys))
            start = tuple_(*self.source.after)
            window = window.where(here < start if self.order.descending else here > start)
        keys = _order_by(self.order, rows)
        # The limit stands in the text: with a parameter PostgreSQL would plan for a tenth of the table.
        window = window.order_by(*keys).limit(literal_column(str(self.first + self.looks_past)))
        if self.plain is not None:
            return self._plain_rows(self.plain, window)
        if not self.looks_past:
            return (
                window.add_columns(
                    *(self._edge(asked, rows).label(self.edge_columns[asked.key]) for asked in edges)
                )
                .correlate(self.parent)
                .subquery(self.builder._name("e"))  # noqa: SLF001  # one class in two parts
            )
        numbered = (
            window.add_columns(func.row_number().over(order_by=keys).label(_ROW_NUMBER))
            .correlate(self.parent)
            .subquery(self.builder._name("w"))  # noqa: SLF001
        )
        shown = numbered.c[_ROW_NUMBER] <= literal_column(str(self.first))
        return (
            select(
                numbered.c[_ROW_NUMBER],
                _cursor(self.order, numbered).label(_CURSOR),
                *(
                    case((shown, self._edge(asked, numbered))).label(self.edge_columns[asked.key])
                    for asked in edges
                ),
            )
            .correlate(self.parent)
            .subquery(self.builder._name("e"))  # noqa: SLF001
        )

    def _plain_rows(self, asked: Edges, window: Select[Any]) -> Any:
        """Edges of nothing but nodes: a row of one column, the row of the node (13 % quicker at 100 × 12 rows)."""
        builder, parent = self.builder, self.parent
        selections = [part for part in asked.fields if isinstance(part, EdgeNode)]
        node = (
            window.add_columns(*builder._columns(selections[0].selection, self.source.rows))  # noqa: SLF001
            .correlate(parent)
            .subquery(builder._name("n"))  # noqa: SLF001
        )
        columns = [
            (node.table_valued() if isinstance(part, EdgeNode) else _text(part.name)).label(part.key)
            for part in asked.fields
            if not isinstance(part, EdgeCursor)
        ]
        return select(*columns).subquery(builder._name("e"))  # noqa: SLF001

    def _edge(self, asked: Edges, rows: FromClause) -> ColumnElement[Any]:
        columns: list[ColumnElement[Any]] = []
        for part in asked.fields:
            match part:
                case EdgeNode(key, selection):
                    columns.append(self._node(selection, rows).label(key))
                case EdgeCursor(key):
                    columns.append(_cursor(self.order, rows).label(key))
                case TypeName(key, name):
                    columns.append(_text(name).label(key))
        edge = select(*columns).correlate(rows).subquery(self.builder._name("g"))  # noqa: SLF001
        return _whole(edge)

    def _node(self, selection: Selection, rows: FromClause) -> ColumnElement[Any]:
        columns = self.builder._columns(selection, rows)  # noqa: SLF001
        node = select(*columns).correlate(rows).subquery(self.builder._name("n"))  # noqa: SLF001
        return _whole(node)

    def column(self, asked: Edges | PageInfos | TotalCount | TypeName) -> ColumnElement[Any]:
        match asked:
            case Edges():
                return self._edges(asked)
            case PageInfos(_, fields):
                return func.json_build_object(*(part for each in fields for part in self._info(each)))
            case TotalCount():
                return (
                    select(func.count())
                    .select_from(self.source.rows)
                    .where(*self.conditions)
                    .correlate(self.parent)
                    .scalar_subquery()
                )
            case TypeName(_, name):
                return _text(name)

    def _edges(self, asked: Edges) -> ColumnElement[Any]:
        if self.plain is not None:
            return func.coalesce(func.json_agg(self.rows.table_valued()), _EMPTY_LIST)
        found: Any = func.json_agg(self.rows.c[self.edge_columns[asked.key]])
        if self.looks_past:
            found = found.filter(self._shown())
        return func.coalesce(found, _EMPTY_LIST)

    def _shown(self) -> ColumnElement[bool]:
        condition: ColumnElement[bool] = self.rows.c[_ROW_NUMBER] <= literal_column(str(self.first))
        return condition

    def _info(self, asked: tuple[str, PageInfoField] | TypeName) -> tuple[Any, Any]:
        if isinstance(asked, TypeName):
            return _text(asked.key), _text(asked.name)
        key, info = asked
        value: Any
        match info:
            case PageInfoField.HAS_NEXT:
                value = func.count() > literal_column(str(self.first))
            case PageInfoField.HAS_PREVIOUS:
                value = literal_column("true" if self.source.after is not None else "false")
            case PageInfoField.START:
                value = func.max(self.rows.c[_CURSOR]).filter(self.rows.c[_ROW_NUMBER] == literal_column("1"))
            case PageInfoField.END:
                newest_first = self.rows.c[_ROW_NUMBER].desc()
                cursors = func.array_agg(
                    aggregate_order_by(self.rows.c[_CURSOR], newest_first), type_=ARRAY(Text)
                ).filter(self._shown())
                value = cursors[literal_column("1")]
        return _text(key), value


def _is_plain(edges: Edges) -> bool:
    """Whether an edge is one node and no cursor."""
    return [type(part) for part in edges.fields if not isinstance(part, TypeName)] == [EdgeNode]


def _whole(rows: Any) -> ColumnElement[Any]:
    """The row of a sub-select as one value, which `row_to_json` around it writes as an object."""
    return select(rows.table_valued()).scalar_subquery()


def _aliased(mapped: TypeMapping) -> FromClause:
    if mapped.row.table is None:
        raise NoStatementError(f"{mapped.name} has no table of its own", ())
    return mapped.row.table.alias()


def _order_by(order: Order, rows: FromClause) -> list[ColumnElement[Any]]:
    return [rows.c[key].desc() if order.descending else rows.c[key] for key in order.keys]


def _global_id(mapped: TypeMapping, rows: FromClause) -> ColumnElement[Any]:
    """base64 of `Type:key`, as `graphql_api.ids.encode_id` writes it. Shorter than 57 bytes: no line is broken."""
    first, *rest = (cast(rows.c[name], Text) for name in mapped.row.keys)
    written = _text(f"{mapped.name}:").concat(first)
    for part in rest:
        written = written.concat(_text(KEY_SEPARATOR)).concat(part)
    return func.encode(func.convert_to(written, _text("UTF8")), _text("base64"))


def _cursor(order: Order, rows: FromClause) -> ColumnElement[Any]:
    """base64url of a JSON array, as `graphql_api.cursors.encode_cursor` writes it."""
    array = cast(func.json_build_array(_text(order.name), *(rows.c[key] for key in order.keys)), Text)
    encoded = func.encode(func.convert_to(array, _text("UTF8")), _text("base64"))
    return func.translate(encoded, literal_column(r"E'+/=\n'"), _text("-_"))


def _enumeration_name(value: ColumnElement[Any], enumeration: GraphQLEnumType) -> ColumnElement[Any]:
    names = {
        str(getattr(member.value, "value", member.value)): name for name, member in enumeration.values.items()
    }
    if all(name == stored.upper() for stored, name in names.items()):
        return func.upper(value)
    return case(*((value == _text(stored), _text(name)) for stored, name in names.items()))


def _text(constant: str) -> ColumnElement[str]:
    """A constant of ours in the text of the statement; names of GraphQL and of lists hold no quote."""
    assert "'" not in constant
    assert "\\" not in constant
    return literal_column(f"'{constant}'::text", Text)
