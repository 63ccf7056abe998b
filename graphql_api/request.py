"""The body of a GraphQL request over HTTP, as an object. Nothing but one JSON object is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from graphql_api.limits.document_limits import BatchError
from graphql_api.refusals import BodyError

_SHA256: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class GraphqlRequest:
    query: str | None
    document_sha256: str | None
    """The id of a trusted document, sent as `documentId` or in Apollo's form `extensions.persistedQuery`."""
    operation_name: str | None
    variables: Mapping[str, Any]


def read_request(content: bytes) -> GraphqlRequest:
    """Raises BodyError, BatchError."""
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise BodyError("The body is no JSON.", mend="Send one JSON object in UTF-8.") from None
    if isinstance(body, list):
        raise BatchError(len(body))
    if not isinstance(body, dict):
        raise BodyError("The body is no JSON object.", mend="Send `query`, `variables`, `operationName`.")
    return GraphqlRequest(
        query=_text(body, "query"),
        document_sha256=_document_id(body),
        # Some clients send an empty name for none.
        operation_name=_text(body, "operationName") or None,
        variables=_object(body, "variables"),
    )


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and not isinstance(value, str):
        raise BodyError(f"`{name}` is no string.")
    return value


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise BodyError(f"`{name}` is no object.")
    return value


def _document_id(body: Mapping[str, Any]) -> str | None:
    given = body.get("documentId")
    if given is None:
        persisted = _object(body, "extensions").get("persistedQuery")
        if persisted is None:
            return None
        if not isinstance(persisted, dict) or persisted.get("version", 1) != 1:
            raise BodyError("`extensions.persistedQuery` is none of version 1.")
        given = persisted.get("sha256Hash")
    match = _SHA256.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        raise BodyError("The id of a document is its SHA-256, 64 hexadecimal digits.")
    return match[1]
