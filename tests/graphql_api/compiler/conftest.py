"""Random documents over the schema, and both ways to answer them."""

from __future__ import annotations

import datetime as dt
import inspect
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    execute,
    get_named_type,
    is_leaf_type,
    parse,
)
from graphql.execution.values import get_variable_values
from hypothesis import strategies as st

from graphql_api import schema as schema_module
from graphql_api.compiler.mapping import ReadingLimits
from graphql_api.compiler.prepared import Compiler
from graphql_api.context import Context
from graphql_api.filters import CONTAINS_LENGTH_MIN
from graphql_api.reads import answer
from tarazu.database import Sessions, create_engine
from tarazu.database.read_pool import ReadPool
from tarazu.models.enums import Sector
from tarazu.security.permissions import Permission, Role
from tarazu.security.principal import Principal, PrincipalKind, RowScope
from tarazu.settings import Settings

TODAY = dt.date(2025, 6, 1)
DEPTH = 4
FIELDS_MAX = 4


def principal_of(
    permissions: frozenset[Permission] = frozenset(Permission),
    districts: frozenset[int] | None = None,
    sectors: frozenset[Sector] | None = None,
) -> Principal:
    return Principal(
        "local:test", PrincipalKind.LOCAL, "test", Role.ANALYST, permissions, RowScope(districts, sectors)
    )


@dataclass
class BothPaths:
    """The compiler and the resolvers on one database."""

    settings: Settings
    sessions: Sessions
    pool: ReadPool
    compiler: Compiler

    async def compiled(self, text: str, variables: dict[str, Any], principal: Principal) -> dict[str, Any]:
        """`{"data": …}` of the statements. Raises GraphQLError and NotCompilableError."""
        document = parse(text)
        operation = document.definitions[0]
        values = get_variable_values(
            self.compiler.graphql_schema, operation.variable_definitions or [], variables
        )
        assert not isinstance(values, list), values
        read = self.compiler.read(
            (text, None),
            document,
            operation,
            values,
            principal,
            ReadingLimits(self.settings.page_size_max, TODAY, principal.permissions),
        )
        answered = await answer(read, self.pool, timeout_ms=10_000)
        if answered.errors:
            raise answered.errors[0].original_error or answered.errors[0]
        return orjson.loads(answered.data)

    async def resolved(self, text: str, variables: dict[str, Any], principal: Principal) -> Any:
        """The result of graphql-core's execution by resolvers."""
        context = Context(
            self.sessions,
            principal=principal,
            types=self.compiler.types,
            settings=self.settings,
            today=TODAY,
        )
        try:
            # Straight by graphql-core: what limits documents is tested elsewhere.
            result = execute(
                self.compiler.graphql_schema,
                parse(text),
                context_value=context,
                variable_values=variables,
            )
            return await result if inspect.isawaitable(result) else result
        finally:
            await context.close()


@pytest.fixture(scope="session")
async def paths(company: Settings, world: Any) -> AsyncIterator[BothPaths]:
    engine = create_engine(company)
    pool = ReadPool(company, size=2)
    yield BothPaths(company, Sessions(engine), pool, Compiler(schema_module.schema))
    await pool.close()
    await engine.dispose()


@dataclass(frozen=True)
class Vocabulary:
    """Values that arguments may well have in the world's database."""

    texts: tuple[str, ...]
    numbers: tuple[int, ...]
    dates: tuple[str, ...]
    ids: tuple[str, ...]
    searches: tuple[str, ...]
    own: Mapping[str, tuple[str, ...]]
    """Written values of arguments that take few: by the name of the argument."""


class Documents:
    """Draws documents; each argument's value is one that may find something."""

    def __init__(self, schema: Any, vocabulary: Vocabulary) -> None:
        self.schema = schema
        self.words = vocabulary

    def query(self, draw: Any, roots: Sequence[str] = ()) -> str:
        """One or two fields of the root, of `roots` where some are given."""
        among = sorted(roots or self.schema.query_type.fields)
        names = draw(st.lists(st.sampled_from(among), min_size=1, max_size=2))
        fields = [
            self.field(draw, f"r{place}", self.schema.query_type.fields[name], name, DEPTH)
            for place, name in enumerate(names)
        ]
        return f"query($yes: Boolean!, $no: Boolean!) {{ {' '.join(fields)} {_FLAGS} }}"

    def field(self, draw: Any, alias: str | None, definition: Any, name: str, depth: int) -> str:
        text = f"{alias}: {name}" if alias else name
        arguments = [
            f"{argument}: {value}"
            for argument, given in definition.args.items()
            if (value := self._argument(draw, argument, given.type, name)) is not None
        ]
        if arguments:
            text += f"({', '.join(arguments)})"
        kind = get_named_type(definition.type)
        if is_leaf_type(kind):
            return text
        return f"{text} {{ {self.selection(draw, kind, depth - 1)} }}"

    def selection(self, draw: Any, kind: Any, depth: int) -> str:
        fields = kind.fields
        leaves = [name for name, each in fields.items() if is_leaf_type(get_named_type(each.type))]
        # The reporter of a tip-off is for resolvers alone.
        objects = [name for name in fields if name not in leaves and name != "reporter"]
        if kind.name.endswith(("Connection", "Edge")):
            # Always to the rows: an answer of nothing but counts tells little.
            names = objects + draw(st.lists(st.sampled_from(leaves), unique=True)) if leaves else objects
            if not draw(st.booleans()) and "pageInfo" in names:
                names.remove("pageInfo")
        else:
            names = draw(st.lists(st.sampled_from([*leaves, "__typename"]), min_size=1, max_size=FIELDS_MAX))
            if depth > 0 and objects:
                names = names + draw(st.lists(st.sampled_from(objects), max_size=2))
        parts = []
        for place, name in enumerate(names):
            if name == "__typename":
                parts.append(name)
                continue
            # Under one key GraphQL wants the same arguments.
            alias = f"a{place}_{name}" if fields[name].args or draw(st.booleans()) else None
            text = self.field(draw, alias, fields[name], name, depth)
            match draw(st.integers(0, 9)):
                case 0:
                    text = f"... on {kind.name} {{ {text} }}"
                case 1:
                    text = f"... @include(if: $yes) {{ {text} }}"
                case 2:
                    text = f"... @skip(if: $no) {{ {text} }} {self._flagged(draw)}"
            parts.append(text)
        if isinstance(kind, GraphQLObjectType):
            return " ".join(parts)
        targets = draw(
            st.lists(
                st.sampled_from(["Case", "Customer", "UsagePoint", "RuleVersion"]), max_size=2, unique=True
            )
        )
        parts += [
            f"... on {target} {{ {self.selection(draw, self.schema.type_map[target], min(depth, 1))} }}"
            for target in targets
        ]
        return " ".join(parts)

    def _flagged(self, draw: Any) -> str:
        return draw(
            st.sampled_from(["__typename", "t: __typename @skip(if: $no)", "u: __typename @include(if: $no)"])
        )

    def _argument(self, draw: Any, name: str, kind: Any, field: str) -> str | None:
        if name == "id" and field == "node":
            return _quoted(draw(st.sampled_from(self.words.ids)))
        if name == "first":
            return str(draw(st.integers(1, 5)))
        if name in ("after", "id"):
            return None  # pages are walked in a test of their own
        if name in self.words.own:
            values = self.words.own[name]
            if not isinstance(kind, GraphQLNonNull) and draw(st.booleans()):
                return None
            return draw(st.sampled_from(values))
        named = get_named_type(kind)
        required = isinstance(kind, GraphQLNonNull)
        if (
            field in ("usagePoint", "meter", "customer", "case", "transformer")
            or required
            or draw(st.booleans())
        ):
            return self._value(draw, kind, name, 2) if named is not None else None
        return None

    def _value(self, draw: Any, kind: Any, name: str, depth: int) -> str:
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if isinstance(kind, GraphQLList) and name == "groupBy":
            dimensions = sorted(get_named_type(kind).values)
            return f"[{', '.join(draw(st.lists(st.sampled_from(dimensions), max_size=3, unique=True)))}]"
        if isinstance(kind, GraphQLList):
            values = draw(st.lists(st.just(None), min_size=1, max_size=2))
            return f"[{', '.join(self._value(draw, kind.of_type, name, depth) for _ in values)}]"
        if isinstance(kind, GraphQLEnumType):
            return draw(st.sampled_from(sorted(kind.values)))
        if isinstance(kind, GraphQLInputObjectType):
            names = [each for each in kind.fields if depth > 0 or each not in ("and", "or", "not")]
            chosen = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True))
            return (
                "{"
                + ", ".join(
                    f"{each}: {self._value(draw, kind.fields[each].type, each, depth - 1)}" for each in chosen
                )
                + "}"
            )
        match kind.name:
            case "Int" | "Long" | "Rial":
                return str(draw(st.sampled_from(self.words.numbers)))
            case "Float":
                return draw(st.sampled_from(["0", "0.5", "120.5", "1e9"]))
            case "Boolean":
                return draw(st.sampled_from(["true", "false"]))
            case "Date":
                return _quoted(draw(st.sampled_from(self.words.dates)))
            case _:
                words = self.words.searches if name == "search" else self.words.texts
                if name == "contains":
                    words = tuple(word for word in words if len(word) >= CONTAINS_LENGTH_MIN)
                return _quoted(draw(st.sampled_from(words)))


# Every variable is used, whatever is drawn.
_FLAGS = "t: __typename @skip(if: $no) u: __typename @include(if: $yes) v: __typename @skip(if: $yes)"


def _quoted(text: str) -> str:
    return orjson.dumps(text).decode()


@pytest.fixture(scope="session")
async def documents(paths: BothPaths, world: Any) -> Documents:
    from graphql_api.ids import encode_id

    words = Vocabulary(
        texts=(
            *(point.subscription_no for point in world.usage_points[:6]),
            *(customer.customer_no for customer in world.customers[:6]),
            "M000000",
            "T02",
            "D1",
            "رضا",
            "sara",
        ),
        numbers=(0, 1, 2, 5, 7, 400, 1_000_000, 5_000_000_000),
        dates=("2025-01-01", "2025-03-01", "2025-05-01", "2025-06-01"),
        ids=(
            *(encode_id("Case", str(case.id)) for case in world.cases[:4]),
            *(encode_id("Customer", str(customer.id)) for customer in world.customers[:3]),
            *(encode_id("UsagePoint", str(point.id)) for point in world.usage_points[:3]),
            encode_id("RuleVersion", "T02@1"),
            encode_id("Finding", str(world.findings[0].id)),
            encode_id("Customer", "999999999"),
        ),
        searches=(
            "علی",
            "رضا",
            "احمد",
            world.customers[0].customer_no,
            world.usage_points[1].subscription_no,
            "شرکت",
        ),
        own={
            "from": ('"2024-12-01"', '"2025-01-01"', '"2025-02-10"'),
            "to": ('"2025-02-11"', '"2025-04-01"', '"2025-06-01"'),
            "asOf": ('"2024-06-01"', '"2025-03-01"', '"2025-06-01"', "null"),
            "ageBoundsDays": ("[30, 60]", "[1]", "[30, 60, 90, 180, 365]", "[10, 400]", "null"),
            "minOverdueRial": ("0", "1", "250000"),
            "district": ('"D0"', '"D1"', '"D2"', '"none"'),
            "transformer": ('"T0"', '"T3"', '"none"'),
            "feeder": ('"F0"', '"F1"', '"none"'),
        },
    )
    return Documents(paths.compiler.graphql_schema, words)
