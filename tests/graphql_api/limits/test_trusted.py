"""Trusted documents: the manifest, and an API that runs only what stands in it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import typer.testing

from graphql_api.documents import Documents
from graphql_api.limits.trusted import (
    ManifestError,
    TrustedDocument,
    TrustedDocuments,
    TrustedError,
    names_of,
    read_manifest,
    write_manifest,
)
from graphql_api.refusals import BodyError
from graphql_api.schema import schema
from tarazu.cli.main import app
from tarazu.security.permissions import Role
from tarazu.security.principal import Principal, PrincipalKind

COUNT = "query CountCases { cases { totalCount } }"
OTHER = "query Others { customers { totalCount } }"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def principal(role: Role) -> Principal:
    return Principal("token:1", PrincipalKind.TOKEN, "x", role, frozenset())


ANALYST = principal(Role.ANALYST)


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "trusted.json"
    path.write_text(json.dumps({digest(COUNT): COUNT}))
    return path


def test_a_manifest_that_was_written_can_be_read(tmp_path: Path) -> None:
    documents = Documents(schema._schema)
    path = tmp_path / "m.json"
    path.write_bytes(write_manifest(documents, {"a.graphql": COUNT}, None))
    assert read_manifest(path) == {digest(COUNT): TrustedDocument(COUNT)}
    path.write_bytes(write_manifest(documents, {"a.graphql": COUNT}, [Role.AUDITOR]))
    assert read_manifest(path) == {digest(COUNT): TrustedDocument(COUNT, frozenset({Role.AUDITOR}))}
    assert names_of(documents, [COUNT, OTHER]) == {"CountCases", "Others"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("[]", "is no JSON object"),
        (json.dumps({"0" * 64: COUNT}), "is not the SHA-256"),
        (json.dumps({"x": COUNT}), "is not the SHA-256"),
        (json.dumps({digest(COUNT): 5}), "is no document"),
        (json.dumps({digest(COUNT): {"roles": []}}), "has no document"),
        (json.dumps({digest(COUNT): {"document": COUNT, "role": "analyst"}}), "is no document"),
        (json.dumps({digest(COUNT): {"document": COUNT, "roles": ["boss"]}}), "no list of roles"),
    ],
)
def test_a_wrong_manifest_names_the_file_and_the_fault(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "m.json"
    path.write_text(text)
    with pytest.raises(ManifestError, match=message) as caught:
        read_manifest(path)
    assert str(path) in str(caught.value)


def test_a_missing_manifest_is_a_fault_and_not_an_open_door(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        TrustedDocuments.read(tmp_path / "nothing.json")


def test_without_a_manifest_texts_run_and_ids_do_not() -> None:
    trusted = TrustedDocuments.read(None)
    assert trusted.resolve(COUNT, None, ANALYST) == COUNT
    assert trusted.resolve(COUNT, digest(COUNT), ANALYST) == COUNT
    with pytest.raises(TrustedError):
        trusted.resolve(None, digest(COUNT), ANALYST)
    with pytest.raises(BodyError):
        trusted.resolve(COUNT, digest(OTHER), ANALYST)
    with pytest.raises(BodyError):
        trusted.resolve(None, None, ANALYST)


def test_with_a_manifest_only_what_stands_in_it_runs() -> None:
    trusted = TrustedDocuments({digest(COUNT): TrustedDocument(COUNT)})
    for text, sha256 in ((COUNT, None), (None, digest(COUNT)), (COUNT, digest(COUNT))):
        assert trusted.resolve(text, sha256, ANALYST) == COUNT
    for text, sha256 in ((OTHER, None), (None, digest(OTHER)), (OTHER, digest(COUNT)), (COUNT + " ", None)):
        with pytest.raises(TrustedError):
            trusted.resolve(text, sha256, ANALYST)
    with pytest.raises(BodyError):
        trusted.resolve(None, None, ANALYST)


def test_a_document_of_some_roles_runs_for_these() -> None:
    trusted = TrustedDocuments({digest(COUNT): TrustedDocument(COUNT, frozenset({Role.AUDITOR}))})
    assert trusted.resolve(None, digest(COUNT), principal(Role.AUDITOR)) == COUNT
    with pytest.raises(TrustedError, match="role"):
        trusted.resolve(None, digest(COUNT), ANALYST)


async def test_an_api_with_a_manifest_runs_it_by_id_and_refuses_the_rest(
    world: Any, company: Any, api_of: Any, manifest: Path
) -> None:
    async with api_of(company.model_copy(update={"trusted_documents": manifest})) as api:
        bodies = [
            {"documentId": digest(COUNT)},
            {"documentId": f"sha256:{digest(COUNT)}"},
            {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": digest(COUNT)}}},
            {"query": COUNT},
        ]
        for body in bodies:
            answer = (await api.http.post("/graphql", json=body)).json()
            assert answer["data"]["cases"]["totalCount"] == len(world.cases)
        response = await api.post(OTHER)
        assert response.status_code == 400
        assert response.json()["errors"][0]["extensions"]["code"] == "graphql.trusted"
        for wrong in ("x", 5, None, {"a": 1}):
            response = await api.http.post(
                "/graphql", json={"extensions": {"persistedQuery": {"version": 1, "sha256Hash": wrong}}}
            )
            assert response.json()["errors"][0]["extensions"]["code"] == "graphql.body"


def test_the_command_writes_a_manifest_of_files(tmp_path: Path) -> None:
    (tmp_path / "count.graphql").write_text(COUNT)
    output = tmp_path / "out.json"
    run = typer.testing.CliRunner().invoke(
        app, ["api", "trust", str(tmp_path / "count.graphql"), "--output", str(output), "--role", "auditor"]
    )
    assert run.exit_code == 0
    assert read_manifest(output)[digest(COUNT)].roles == {Role.AUDITOR}


def test_the_command_refuses_a_document_that_cannot_run_and_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "wrong.graphql").write_text("query Wrong {\n  cases {\n    nothing\n  }\n}")
    output = tmp_path / "out.json"
    run = typer.testing.CliRunner().invoke(
        app, ["api", "trust", str(tmp_path / "wrong.graphql"), "--output", str(output)]
    )
    assert run.exit_code == 2
    assert "wrong.graphql:3" in run.output.replace("\n", "")
    assert not output.exists()
