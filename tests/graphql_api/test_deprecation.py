"""What is given up says since when, until when, and what to use instead; and the page tells how to learn of it."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import strawberry
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)

from graphql_api.deprecation import NOTICE_DAYS_MIN, deprecated, deprecation_reason
from graphql_api.fields import column
from graphql_api.schema import print_sdl

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "deprecation.md"
REASON = re.compile(
    r"Since (\d{4}-\d\d-\d\d), until (\d{4}-\d\d-\d\d) at least: use `(\w+)\.(\w+)(?:\((\w+):\))?`\."
)
GOOD = "Since 2027-03-01, until 2027-09-01 at least: use `Query.new`."


def parts(schema: GraphQLSchema) -> Iterator[tuple[tuple[str, ...], str | None]]:
    """Whatever can be marked, by its names, with its reason."""
    for name, kind in schema.type_map.items():
        match kind:
            case GraphQLObjectType() | GraphQLInterfaceType():
                for field_name, field in kind.fields.items():
                    yield (name, field_name), field.deprecation_reason
                    for argument_name, argument in field.args.items():
                        yield (name, field_name, argument_name), argument.deprecation_reason
            case GraphQLInputObjectType():
                for field_name, input_field in kind.fields.items():
                    yield (name, field_name), input_field.deprecation_reason
            case GraphQLEnumType():
                for value_name, value in kind.values.items():
                    yield (name, value_name), value.deprecation_reason


def faults(schema: GraphQLSchema) -> list[str]:
    reasons = dict(parts(schema))
    found = []
    for place, reason in reasons.items():
        if reason is None:
            continue
        match = REASON.fullmatch(reason)
        if match is None:
            found.append(f"{'.'.join(place)}: the reason lacks a date or a replacement")
            continue
        since, until = (dt.date.fromisoformat(day) for day in match.groups()[:2])
        instead = tuple(name for name in match.groups()[2:] if name)
        if (until - since).days < NOTICE_DAYS_MIN:
            found.append(f"{'.'.join(place)}: goes too soon")
        if reasons.get(instead, "") is not None:
            found.append(f"{'.'.join(place)}: the replacement is not there, or given up too")
    return found


def small(old: str, new: str = "new(by: Int): Int", more: str = "") -> GraphQLSchema:
    return build_schema(f"type Query {{ {old} {new} }} {more}")


def marked(reason: str) -> str:
    return f'@deprecated(reason: "{reason}")'


def test_the_schema_gives_up_nothing_without_notice() -> None:
    schema = build_schema(print_sdl())
    assert len(list(parts(schema))) > 500
    assert faults(schema) == []


@pytest.mark.parametrize(
    "schema",
    [
        small(f"old: Int {marked(GOOD)}"),
        small(f"old(x: Int {marked(GOOD)}): Int"),
        small(f"old(x: Int {marked(GOOD.replace('new', 'new(by:)'))}): Int"),
        small("old: E", more=f"enum E {{ A {marked(GOOD)} B }}"),
        small("old(x: I): Int", more=f"input I {{ a: Int {marked(GOOD)} b: Int }}"),
    ],
)
def test_each_part_may_be_given_up_in_the_right_form(schema: GraphQLSchema) -> None:
    assert [reason for _, reason in parts(schema) if reason]
    assert faults(schema) == []


@pytest.mark.parametrize(
    "reason",
    [
        "Not used any more.",
        "Use `Query.new`.",
        "Since 2027-03-01, until 2027-09-01 at least.",
        GOOD.replace("2027-09-01", "2027-08-01"),
        GOOD.replace("new", "newer"),
        GOOD.replace("new", "new(other:)"),
    ],
)
@pytest.mark.parametrize(
    "place", ["old: Int {}", "old: Int a(x: Int {}): Int", "old: Int e: E", "old: Int i(x: I): Int"]
)
def test_each_part_without_date_or_replacement_is_found(place: str, reason: str) -> None:
    mark = marked(reason)
    more = f"enum E {{ A {mark} B }} input I {{ a: Int {mark} b: Int }}"
    found = faults(small(place.format(mark), more=more))
    assert len(found) == 2 + ("{}" in place), found


def test_a_replacement_that_is_given_up_itself_is_found() -> None:
    assert faults(small(f"old: Int {marked(GOOD.replace('new', 'old'))}")) == [
        "Query.old: the replacement is not there, or given up too"
    ]


def test_a_declared_field_is_marked_in_the_text_of_the_schema() -> None:
    @strawberry.type
    class Query:
        new: int = column("The new one.")
        old: int = deprecated(
            column("The old one."),
            since=dt.date(2027, 3, 1),
            until=dt.date(2027, 9, 1),
            instead="Query.new",
        )

    text = strawberry.Schema(Query).as_str()
    assert f"old: Int! {marked(GOOD)}" in text
    assert faults(build_schema(text)) == []


def test_less_notice_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="less than 180 days"):
        deprecation_reason(since=dt.date(2027, 3, 1), until=dt.date(2027, 8, 27), instead="Query.new")
    assert deprecation_reason(since=dt.date(2027, 3, 1), until=dt.date(2027, 8, 28), instead="Query.new")


def test_the_page_shows_the_form_and_ways_to_learn_that_work() -> None:
    page = PAGE.read_text("utf-8")
    (example,) = re.findall(r'@deprecated\(reason: "(.*)"\)', page)
    assert REASON.fullmatch(example)
    assert f"{NOTICE_DAYS_MIN} days" in page
    told: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL):
        exec(block, told)
    old, new = "type Query { old: Int new: Int }", f"type Query {{ old: Int {marked(GOOD)} new: Int }}"
    assert told["faults"](old, "{ old }") == []
    assert told["faults"](new, "{ old }") == [f"The field Query.old is deprecated. {GOOD}"]
    assert told["breaks"](old, new) == []
    assert told["breaks"](new, "type Query { new: Int }") == ["Field Query.old was removed."]
