"""What the documents say is held against what the program does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import graphql
import pytest
import typer.main

from etl.entities import entities
from etl.mapping_file import load_mapping, shipped_mappings
from etl.reasons_page import render_reasons
from rules.loader import load_catalogue
from rules.ranking.reference_page import render as render_ranking
from tarazu.cli.main import app
from tarazu.settings import Settings, environment_name
from tarazu.settings_page import render_settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
HOW_TO = DOCS / "how-to"


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _blocks(language: str) -> list[tuple[str, str]]:
    """Fenced blocks of a language in all pages: where, and what, without the indentation of a list."""
    found = []
    for page in PAGES:
        for match in re.finditer(rf"^( *)```{language}\n(.*?)^\1```$", _text(page), re.MULTILINE | re.DOTALL):
            indent, body = match.groups()
            lines = [line.removeprefix(indent) for line in body.splitlines()]
            found.append((str(page.relative_to(ROOT)), "\n".join(lines) + "\n"))
    return found


def _commands(group, prefix: str) -> set[str]:
    names: set[str] = set()
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        names |= _commands(command, full) if hasattr(command, "commands") else {full}
    return names


@pytest.mark.parametrize(
    ("name", "text", "mend"),
    [
        ("settings.md", render_settings(), "python -m tarazu.settings_page docs/reference/settings.md"),
        (
            "import-reasons.md",
            render_reasons(),
            "python -m etl.reasons_page docs/reference/import-reasons.md",
        ),
        ("ranking.md", render_ranking(), "python -m rules.ranking.reference_page docs/reference/ranking.md"),
    ],
)
def test_the_committed_page_is_the_one_made_from_the_declarations(name, text, mend):
    assert _text(DOCS / "reference" / name) == text, f"run `{mend}`"


def test_the_page_of_settings_names_every_variable():
    page = render_settings()
    for name, field in Settings.model_fields.items():
        assert f"| `{environment_name(name)}` | {field.description}" in page


def test_the_readme_lists_exactly_the_commands_that_there_are():
    listed = set(re.findall(r"^\| `(tarazu [a-z ]+)` \|", _text(ROOT / "README.md"), re.MULTILINE))
    assert listed == _commands(typer.main.get_command(app), "tarazu")


def test_the_page_of_rules_names_every_rule():
    page = _text(DOCS / "reference" / "rules.md")
    for rule_id in load_catalogue().rules:
        assert f"\n### {rule_id}\n" in page


@pytest.mark.parametrize(("page", "text"), _blocks("yaml"))
def test_every_mapping_in_the_pages_is_a_right_one(page, text, tmp_path):
    file = tmp_path / "mapping.yaml"
    file.write_text(text, encoding="utf-8")
    assert load_mapping(file).files, page


def test_the_page_of_mappings_names_every_entity_and_every_mapping_that_ships():
    page = _text(HOW_TO / "bring-your-data.md")
    for name in [*entities(), *shipped_mappings()]:
        assert f"`{name}`" in page


def test_the_page_of_mappings_says_which_fields_an_entity_needs():
    page = _text(HOW_TO / "bring-your-data.md")
    rows = dict(
        re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ((?:`\w+`(?:, )?)+) \| (?:`|\w|, )+ \|$", page, re.MULTILINE)
    )
    told = {entity: re.findall(r"\w+", rows[names]) for names in rows for entity in re.findall(r"\w+", names)}
    needed = {
        name: [field for field in entity.columns if entity.needs(field) and entity.default(field) is None]
        for name, entity in entities().items()
    }
    assert {name: sorted(fields) for name, fields in told.items()} == {
        name: sorted(fields) for name, fields in needed.items()
    }


def _queries() -> list[tuple[str, str]]:
    sent = [
        (page, json.loads(body)["query"])
        for page, text in _blocks("sh")
        for body in re.findall(r"-d '(\{.*?\})'$", text, re.MULTILINE)
    ]
    return [*_blocks("graphql"), *sent]


@pytest.mark.parametrize(("page", "query"), _queries())
def test_every_query_in_the_pages_fits_the_schema(page, query):
    schema = graphql.build_schema(_text(ROOT / "graphql_api" / "schema.graphql"))
    assert graphql.validate(schema, graphql.parse(query)) == [], page


def test_pages_hold_queries_and_mappings_to_check():
    assert len(_queries()) >= 8
    assert len(_blocks("yaml")) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", _text(page)):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.is_file(), f"{target} is no file"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", _text(file), re.MULTILINE)
            slugs = {
                re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
            }
            assert anchor in slugs, f"{target} is no heading"


def test_variables_in_the_pages_are_settings():
    known = {environment_name(name) for name in Settings.model_fields}
    for page in PAGES:
        unknown = set(re.findall(r"\bTARAZU_[A-Z_]+\b", _text(page))) - known
        assert not unknown, page
