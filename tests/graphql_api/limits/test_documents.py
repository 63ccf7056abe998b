"""Documents within and beyond the limits."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import build_schema, parse, validate
from hypothesis import given
from hypothesis import strategies as st

from graphql_api.documents import Documents, OperationKind, check_variables
from graphql_api.limits import document_limits
from graphql_api.limits.document_limits import DOCUMENT_LIMITS, LimitError
from graphql_api.limits.page import render_limits
from graphql_api.refusals import (
    MESSAGE_LENGTH_MAX,
    DocumentInvalidError,
    DocumentSyntaxError,
    OperationChoiceError,
    RefusedError,
    VariablesError,
)
from graphql_api.schema import SDL_FILE, schema

GRAPH = schema._schema
GOOD = "query Work($first: Int! = 5) { cases(first: $first) { totalCount } }"


@pytest.fixture
def documents() -> Documents:
    return Documents(GRAPH)


def chain(count: int, on: str, body: str, last: str) -> str:
    """Fragments F0 … of which each holds `body` with the next one's name in it."""
    fragments = [f"fragment F{n} on {on} {{ {body.format(f'F{n + 1}')} }}" for n in range(count - 1)]
    return " ".join([*fragments, f"fragment F{count - 1} on {on} {{ {last} }}"])


BEYOND = {
    "characters": "{ cases { totalCount } }" + " " * 2**20,
    "tokens": "{ cases { " + "totalCount " * 1_600 + "} }",
    "comments": "#\n" * 300 + GOOD,
    "depth": "{ cases" * 1_000 + "}" * 1_000,
    "depth of the parser": "{cases" * 300 + "{id}" + "}" * 300,
    "depth through fragments": "{ cases { edges { node { ...F0 } } } } "
    + chain(6, "Case", "usagePoint {{ cases {{ edges {{ node {{ ...{} }} }} }} }}", "id"),
    "aliases": "{ " + " ".join(f"a{n}: cases {{ totalCount }}" for n in range(31)) + " }",
    "aliases of fragments": "{ cases { edges { node { ...F0 } } } } fragment F0 on Case { "
    + " ".join(f"a{n}: id" for n in range(31))
    + " }",
    "root_fields": "{ " + " ".join("caseSummary(groupBy: []) { caseCount }" for _ in range(21)) + " }",
    "root_fields of fragments": "{ ...F0 ...F0 ...F0 } fragment F0 on Query { " + "__typename " * 7 + "}",
    "repeats": "{ cases { edges { node { " + "__typename " * 50 + "} } } }",
    "repeats of fragments": "{ cases { edges { node { "
    + " ".join(f"...F{n}" for n in range(20))
    + " } } } } "
    + " ".join(f"fragment F{n} on Case {{ id caseNo state severity family priority }}" for n in range(20)),
    "repeats in depth": "{cases{edges{node{"
    + ("usagePoint{" + "cases{edges{node{id caseNo}}}" * 9 + "}") * 9
    + "}}}}",
    "directives": "{ __typename " + "@skip(if: false) " * 6 + "}",
    "directives of an operation": "query " + "@skip(if: false) " * 6 + "{ __typename }",
    "fragments": "{ "
    + " ".join(f"...F{n}" for n in range(31))
    + " } "
    + " ".join(f"fragment F{n} on Query {{ __typename }}" for n in range(31)),
    "spreads": "{ cases { edges { node { " + "...F0 " * 101 + "} } } } fragment F0 on Case { id }",
    "fields": "{ cases { edges { node { ...F0 } } } } " + chain(12, "Case", "...{0} ...{0}", "id"),
    "operations": " ".join(f"query A{n} {{ __typename }}" for n in range(21)),
    "value_depth": "{ cases(filter: " + "{ not: " * 21 + "{}" + " }" * 21 + ") { totalCount } }",
    "value_depth of lists": "{ caseSummary(groupBy: " + "[" * 25 + "]" * 25 + ") { caseCount } }",
}


@pytest.mark.parametrize("name", BEYOND)
def test_a_document_beyond_a_limit_is_refused_with_its_name_number_and_mend(
    documents: Documents, name: str
) -> None:
    with pytest.raises(LimitError) as caught:
        documents.get(BEYOND[name])
    error = caught.value
    assert error.code == f"graphql.limit.{name.split(' ', maxsplit=1)[0]}"
    assert f"the limit is {error.maximum:,}" in str(error)
    assert error.mend in str(error)
    # And again from memory.
    with pytest.raises(type(error)):
        documents.get(BEYOND[name])


def test_every_limit_of_documents_has_a_document_beyond_it() -> None:
    elsewhere = {"batch", "variable_values"}
    assert {limit.code.removeprefix("graphql.limit.") for limit in DOCUMENT_LIMITS} - elsewhere == {
        name.split(" ")[0] for name in BEYOND
    }


def test_every_limit_is_declared_once_and_listed() -> None:
    declared = {
        value
        for value in vars(document_limits).values()
        if isinstance(value, type) and issubclass(value, LimitError) and value is not LimitError
    }
    assert declared == set(DOCUMENT_LIMITS)
    assert len({limit.code for limit in DOCUMENT_LIMITS}) == len(DOCUMENT_LIMITS)


def test_a_fragment_bomb_is_refused_without_being_written_out(documents: Documents) -> None:
    # 2²⁹ fields.
    bomb = "{ cases { edges { node { ...F0 } } } } " + chain(30, "Case", "...{0} ...{0}", "id")
    started = time.process_time()
    with pytest.raises(document_limits.FieldsError, match="More than 1,500 fields"):
        documents.get(bomb)
    # Writing it out would take minutes, so this is no measurement.
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ ...A } fragment A on Query { ...A }",
        "{ __typename } fragment A on Query { ...A }",
        "{ __typename } fragment A on Query { __typename }",
        "{ ...Missing }",
        "fragment A on Query { __typename }",
        "type Query { a: Int }",
        "{ nothing }",
        "{ cases(first: 3000000000) { totalCount } }",
    ],
)
def test_documents_that_are_not_of_the_schema_are_refused_as_invalid(documents: Documents, text: str) -> None:
    with pytest.raises(DocumentInvalidError):
        documents.get(text)


@pytest.mark.parametrize(
    "text", ["", " ", "{", "{ cases { totalCount }", "x", "\ud800", "\0", "{ a(b: 1e) }"]
)
def test_what_is_no_graphql_is_a_syntax_error(documents: Documents, text: str) -> None:
    with pytest.raises(DocumentSyntaxError) as caught:
        documents.get(text)
    caught.value.write()["errors"][0]["message"].encode()


def test_problems_say_where_they_are(documents: Documents) -> None:
    with pytest.raises(DocumentInvalidError) as caught:
        documents.get("{\n  cases {\n    nothing\n  }\n}")
    (error,) = caught.value.write()["errors"]
    assert error["locations"] == [{"line": 3, "column": 5}]
    assert error["extensions"] == {"code": "graphql.invalid"}
    assert "nothing" in error["message"]


def test_a_refusal_tells_few_problems_in_few_words(documents: Documents) -> None:
    with pytest.raises(DocumentInvalidError) as caught:
        documents.get("{ cases { " + " ".join(f"{'x' * 500}{n}" for n in range(50)) + " } }")
    errors = caught.value.write()["errors"]
    assert len(errors) <= 5
    assert all(len(error["message"]) <= MESSAGE_LENGTH_MAX for error in errors)


WRONG_NAMES = [
    "{ case }",
    "{ cases { totalCoun } }",
    "{ cases }",
    "{ customer(customerNr: 1) { name } }",
    "{ cases(order: PRIORIT) { totalCount } }",
    "{ cases(filter: { stat: { eq: OPEN } }) { totalCount } }",
    "{ cases(filter: { state: { eq: OPENN } }) { totalCount } }",
    "{ cases { edges { node { ... on Cas { id } } } } }",
    "{ cases @skp(if: true) { totalCount } }",
    "{ node(id: 1) { caseNo } }",
]


@pytest.mark.parametrize("text", WRONG_NAMES)
def test_messages_suggest_no_names_outside_development(text: str) -> None:
    with pytest.raises(DocumentInvalidError) as caught:
        Documents(GRAPH).get(text)
    assert all("did you mean" not in error["message"].lower() for error in caught.value.write()["errors"])


def test_messages_suggest_names_in_development() -> None:
    suggesting = 0
    for text in WRONG_NAMES:
        with pytest.raises(DocumentInvalidError) as caught:
            Documents(GRAPH, development=True).get(text)
        suggesting += "Did you mean" in str(caught.value.write())
    assert suggesting >= 6


@pytest.mark.parametrize(
    "variables", [{"order": "PRIORIT"}, {"filter": {"stat": 1}}, {"filter": {"state": {"eq": "OPENN"}}}]
)
def test_messages_about_variables_suggest_no_names(documents: Documents, variables: dict[str, Any]) -> None:
    document = documents.get(
        "query($order: CaseOrder! = PRIORITY, $filter: CaseFilter) "
        "{ cases(order: $order, filter: $filter) { totalCount } }"
    )
    with pytest.raises(VariablesError) as caught:
        documents.coerce(document, variables)
    assert "did you mean" not in str(caught.value.write()).lower()


@pytest.mark.parametrize("name", ["__schema { queryType { name } }", '__type(name: "Case") { name }'])
def test_the_schema_answers_for_itself_in_development_only(name: str) -> None:
    with pytest.raises(DocumentInvalidError):
        Documents(GRAPH).get(f"{{ {name} }}")
    with pytest.raises(DocumentInvalidError):
        Documents(GRAPH).get(f"{{ ...F }} fragment F on Query {{ x: {name} }}")
    assert Documents(GRAPH, development=True).get(f"{{ {name} }}")


def test_circular_introspection_is_refused_even_in_development() -> None:
    with pytest.raises(DocumentInvalidError, match="does not fit") as caught:
        Documents(GRAPH, development=True).get(
            "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }"
        )
    assert "introspection depth" in str(caught.value.write())


def test_the_operation_is_chosen_by_name(documents: Documents) -> None:
    text = "query A { __typename } query B { cases { totalCount } }"
    assert documents.get(text, "B").name == "B"
    assert documents.get(text, "B").kind is OperationKind.QUERY
    assert documents.get(text, "A").operation is not documents.get(text, "B").operation
    for name in (None, "C", ""):
        with pytest.raises(OperationChoiceError):
            documents.get(text, name)


def test_an_only_operation_needs_no_name_but_another_name_is_refused(documents: Documents) -> None:
    assert documents.get(GOOD).name == "Work"
    assert documents.get(GOOD, "Work") is documents.get(GOOD)
    for text in (GOOD, "{ __typename }"):
        with pytest.raises(OperationChoiceError):
            documents.get(text, "Other")


def test_an_operation_named_like_another_is_refused(documents: Documents) -> None:
    with pytest.raises(DocumentInvalidError):
        documents.get("query A { __typename } query A { __typename }", "A")


def test_a_document_is_read_once(documents: Documents, monkeypatch: pytest.MonkeyPatch) -> None:
    first = documents.get(GOOD)
    monkeypatch.setattr("graphql_api.documents.parse", None)
    assert documents.get(GOOD) is first
    assert documents.get(GOOD) is first


def test_floods_of_new_or_wrong_documents_push_out_none_that_is_in_use(
    documents: Documents, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = documents.get(GOOD)
    documents.get(GOOD)
    for n in range(600):
        documents.get(f"{{ cases(first: {n}) {{ totalCount }} }} #{'x' * 1000}")
        with pytest.raises(RefusedError):
            documents.get(f"{{ nothing{n} }}")
    assert len(documents._refused) <= 500
    assert documents._new.weight <= documents._new.weight_max
    monkeypatch.setattr("graphql_api.documents.parse", None)
    assert documents.get(GOOD) is used


@pytest.mark.parametrize("kind", [list, dict])
def test_variables_beyond_the_limits_are_refused(kind: type) -> None:
    many = [{"a": 1}] * 2_501 if kind is list else {str(n): n for n in range(5_001)}
    with pytest.raises(document_limits.VariableValuesError):
        check_variables({"many": many})
    deep: Any = {}
    for _ in range(1_000):
        deep = [deep] if kind is list else {"a": deep}
    with pytest.raises(document_limits.ValueDepthError):
        check_variables({"deep": deep})


def test_variables_of_a_large_filter_are_within_the_limits() -> None:
    inner: Any = {"state": {"in": ["OPEN"] * 100}}
    for _ in range(5):
        inner = {"or": [inner, {"not": {"caseNo": {"eq": 1}}}]}
    check_variables({"filter": inner})


def test_the_page_of_limits_is_the_one_made_from_the_declarations() -> None:
    page = SDL_FILE.parents[1] / "docs" / "reference" / "limits.md"
    assert page.read_text("utf-8") == render_limits(), (
        "run `python -m graphql_api.limits.page docs/reference/limits.md`"
    )


@st.composite
def selections(draw: st.DrawFn, depth: int = 3) -> str:
    names = draw(
        st.lists(st.sampled_from(["id", "a", "b", "x: a", "...F", "... on T"]), min_size=1, max_size=6)
    )
    parts = []
    for name in names:
        has_inner = name in ("b", "... on T") and depth > 0
        if name in ("b", "... on T") and not has_inner:
            continue
        parts.append(f"{name} {{ {draw(selections(depth=depth - 1))} }}" if has_inner else name)
    return " ".join(parts) or "id"


@given(body=selections(), fragment=selections())
def test_what_is_accepted_is_what_graphql_core_finds_valid(body: str, fragment: str) -> None:
    # The limits only ever refuse more, and never with an error of the program.
    graph = build_schema("type Query { t: T } type T { id: ID a: Int b: T }")
    text = f"{{ t {{ {body} }} }} fragment F on T {{ {fragment} }}"
    valid = not validate(graph, parse(text))
    try:
        Documents(graph).get(text)
        accepted = True
    except LimitError:
        return
    except DocumentInvalidError:
        accepted = False
    assert accepted is valid


@given(text=st.text(max_size=200) | st.text("{}()[]:$!@#.\"'abc \n", max_size=200))
def test_any_text_is_a_document_or_refused(text: str) -> None:
    told = None
    try:
        Documents(GRAPH).get(text)
    except RefusedError as error:
        told = error.write()["errors"]
    assert told is None or told
