"""The page of queries, taken apart: what it asks, with which variables, as whom, and the answer that it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from graphql import OperationDefinitionNode, parse

from tarazu.security.permissions import Role

PAGE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "queries.md"
# The shell puts today's date there.
TODAY: Final = "'$(date +%F)'"


@dataclass(frozen=True)
class Documented:
    """One section of the page."""

    title: str
    role: Role
    query: str
    variables: dict[str, Any]
    answer: dict[str, Any]
    curl: str | None

    @property
    def operation(self) -> OperationDefinitionNode:
        (definition,) = parse(self.query).definitions
        assert isinstance(definition, OperationDefinitionNode)
        return definition

    @property
    def name(self) -> str:
        name = self.operation.name
        assert name is not None, self.title
        return name.value

    @property
    def kind(self) -> str:
        return self.operation.operation.value


def sections() -> list[Documented]:
    return [_section(text) for text in re.split(r"^## ", PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]]


def of_kind(kind: str) -> list[Documented]:
    return [each for each in sections() if each.kind == kind]


def _section(text: str) -> Documented:
    title = text.partition("\n")[0]
    (role,) = re.findall(r"^Role: `(\w+)`$", text, re.MULTILINE)
    (query,) = _blocks(text, "graphql")
    (variables,) = _blocks(text, "json variables")
    (answer,) = _blocks(text, "json answer")
    curls = _blocks(text, "sh")
    return Documented(
        title,
        Role(role),
        query,
        orjson.loads(variables),
        orjson.loads(answer),
        curls[0] if curls else None,
    )


def _blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
