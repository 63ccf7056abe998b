"""In production nobody learns a name of the schema that they did not send: what `clairvoyance` lives on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from graphql import GraphQLEnumType

from graphql_api.compiler.sites import graphql_schema
from graphql_api.documents import Documents
from graphql_api.refusals import RefusedError
from graphql_api.schema import schema

GRAPH = graphql_schema(schema)
# Every place in which a name may stand.
PROBES = (
    "{{ {0} {1} {{ x }} cases({0}: 1, {1}: 1) {{ {0} edges {{ node {{ {1} }} }} }} }}",
    "query($a: {0}, $b: {1}) {{ cases(first: $a, filter: {{ {0}: 1, {1}: 1 }}) {{ totalCount @{0} }} ... on {0} {{ x }} }}",
    "mutation {{ {0}(input: {{ {1}: 1 }}) }} fragment F on {0} {{ x }} {{ caseSummary(groupBy: {0}) {{ caseCount }} }}",
)
# Those of every GraphQL schema, and words of the messages themselves.
COMMON = {"Int", "Float", "String", "Boolean", "ID", "Query", "Mutation", "Subscription"}
ENGLISH = {
    "in",
    "not",
    "to",
    "if",
    "input",
    "of",
    "at",
    "name",
    "value",
    "type",
    "field",
    "fields",
    "location",
    "document",
    "code",
    "message",
    "operation",
}


def names() -> set[str]:
    found = set()
    for name, kind in GRAPH.type_map.items():
        if name.startswith("__"):
            continue
        found.add(name)
        if isinstance(kind, GraphQLEnumType):
            found |= kind.values.keys()
        for field, given in getattr(kind, "fields", {}).items():
            found |= {field, *getattr(given, "args", ())}
    return found - COMMON


def told(documents: Documents, text: str, variables: dict[str, Any] | None = None) -> str:
    """The messages of the refusal; nothing where it is none."""
    try:
        documents.coerce(documents.get(text), variables or {})
    except RefusedError as error:
        return " ".join(problem.message for problem in error.problems)
    return ""


def learnt(message: str, sent: str) -> set[str]:
    return (set(re.findall(r"\w+", message)) - set(re.findall(r"\w+", sent))) & names() - ENGLISH


def test_no_probe_with_a_name_wrong_cut_or_right_tells_another() -> None:
    documents = Documents(GRAPH)
    known = names()
    assert len(known) > 500
    recovered = set()
    for name in sorted(known):
        for first, second in ((name, name), (name.swapcase(), name[:-1] or name)):
            for probe in PROBES:
                text = probe.format(first, second)
                said = set(re.findall(r"\w+", told(documents, text)))
                recovered |= (said - set(re.findall(r"\w+", text))) & known - ENGLISH
    assert recovered == set()


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("{ cases }", {}),
        ("query($a: String) { cases(first: $a) { totalCount } }", {}),
        ("{ cases(filter: 1) { totalCount } }", {}),
        ("{ cases(orderBy: 1) { totalCount } }", {}),
        ("query($f: CaseFilter) { cases(filter: $f) { totalCount } }", {"f": {"x": 1}}),
        ("query($f: CaseFilter) { cases(filter: $f) { totalCount } }", {"f": {"state": {"eq": "OPE"}}}),
        ("query($f: CaseFilter) { cases(filter: $f) { totalCount } }", {"f": {"state": 1}}),
        (
            "mutation($i: CommentCaseInput!) { commentCase(input: $i) { __typename } }",
            {"i": {}},
        ),
        ("mutation { commentCase(input: {}) { __typename } }", {}),
        ("mutation { commentCase }", {}),
        ("subscription { caseFlagged(kinds: [X]) { x } }", {}),
    ],
)
def test_neither_types_nor_required_arguments_nor_values_are_told(text: str, variables: Any) -> None:
    message = told(Documents(GRAPH), text, variables)
    assert message
    assert learnt(message, f"{text} {variables}") == set()


def test_who_develops_is_told() -> None:
    message = told(Documents(GRAPH, development=True), "{ cases { totalCoun } }")
    assert "CaseConnection" in message
    assert "Did you mean 'totalCount'" in message


def test_what_was_sent_is_repeated() -> None:
    message = told(Documents(GRAPH), "{ cases(firs: 1) { totalCoun } }")
    assert (
        message
        == "Unknown argument 'firs' on field 'Query.cases'. Cannot query field 'totalCoun' on type '…'."
    )
