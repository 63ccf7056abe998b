"""Trusted documents: a list of the documents that may run, each known by the SHA-256 of its text.

The manifest is a JSON object: `{"<sha256>": "<document>"}`, or `{"<sha256>": {"document": …, "roles": ["analyst"]}}`
for a document of some roles only. `tarazu api trust` writes it from `.graphql` files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from graphql_api.documents import Documents
from graphql_api.refusals import BodyError, RefusedError
from tarazu.errors import InputError
from tarazu.security.permissions import Role
from tarazu.security.principal import Principal

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class ManifestError(InputError):
    """The manifest of trusted documents is wrong: names the file and the entry."""

    code = "graphql.manifest"


class TrustedError(RefusedError):
    """The document is not one of the trusted, or not for this role; or there is no list of them here."""

    code = "graphql.trusted"


@dataclass(frozen=True, slots=True)
class TrustedDocument:
    text: str
    roles: frozenset[Role] | None = None
    """None: every role."""


class TrustedDocuments:
    """The documents of a manifest. Without one every document is trusted, and none has an id."""

    def __init__(self, documents: Mapping[str, TrustedDocument] | None) -> None:
        self._documents = documents

    def __len__(self) -> int:
        return len(self._documents or ())

    @classmethod
    def read(cls, path: Path | None) -> TrustedDocuments:
        """Raises ManifestError."""
        return cls(None if path is None else read_manifest(path))

    @property
    def is_required(self) -> bool:
        return self._documents is not None

    def texts(self) -> Iterator[str]:
        return (document.text for document in (self._documents or {}).values())

    def resolve(self, text: str | None, sha256: str | None, principal: Principal) -> str:
        """The text that runs, for a request with the text, the id or both. Raises TrustedError, BodyError."""
        if self._documents is None:
            if text is None:
                if sha256 is not None:
                    raise TrustedError("No documents are registered here.", mend="Send the text as `query`.")
                raise BodyError("The body has no `query`.", mend="Send the document's text as `query`.")
            if sha256 is not None and sha256 != sha256_of(text):
                raise BodyError("The hash is not that of the text.", mend="Send one of them only.")
            return text
        if sha256 is None:
            if text is None:
                raise BodyError("The body names no document.", mend="Send its id as `documentId`.")
            sha256 = sha256_of(text)
        document = self._documents.get(sha256)
        if document is None or (text is not None and sha256_of(text) != sha256):
            raise TrustedError(
                "Only registered documents run here, and this one is not registered.",
                mend="Have it registered with `tarazu api trust`.",
            )
        if document.roles is not None and principal.role not in document.roles:
            raise TrustedError("This document is not registered for your role.")
        return document.text


def sha256_of(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def read_manifest(path: Path) -> dict[str, TrustedDocument]:
    """Raises ManifestError."""
    try:
        data = orjson.loads(path.read_bytes())
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror}.") from error
    except orjson.JSONDecodeError as error:
        raise ManifestError(
            f"{path}:{error.lineno}: is no JSON.", mend="Make it with `tarazu api trust`."
        ) from error
    if not isinstance(data, dict):
        raise ManifestError(f"{path}: is no JSON object.", mend="Make it with `tarazu api trust`.")
    return {sha256: _read_entry(path, sha256, entry) for sha256, entry in data.items()}


def _read_entry(path: Path, sha256: str, entry: Any) -> TrustedDocument:
    place = f"{path}: {sha256[:64]}"
    whole = {"document": entry} if isinstance(entry, str) else entry
    if not isinstance(whole, dict) or not whole.keys() <= {"document", "roles"}:
        raise ManifestError(f"{place}: is no document.", mend="Make it with `tarazu api trust`.")
    text, roles = whole.get("document"), whole.get("roles")
    if not isinstance(text, str):
        raise ManifestError(f"{place}: has no document.", mend="Make it with `tarazu api trust`.")
    if not _SHA256.fullmatch(sha256) or sha256_of(text) != sha256:
        raise ManifestError(
            f"{place}: is not the SHA-256 of its document.", mend="Make it with `tarazu api trust`."
        )
    if roles is None:
        return TrustedDocument(text)
    try:
        return TrustedDocument(text, frozenset(Role(role) for role in roles))
    except (TypeError, ValueError):
        raise ManifestError(
            f"{place}: `roles` is no list of roles.", mend=f"The roles are {', '.join(Role)}."
        ) from None


def write_manifest(documents: Documents, texts: Mapping[str, str], roles: Iterable[Role] | None) -> bytes:
    """The manifest of texts (by the name of the file they come from). Raises ManifestError for one that cannot run."""
    chosen = sorted(roles) if roles is not None else None
    entries: dict[str, Any] = {}
    for name, text in texts.items():
        try:
            documents.check(text)
        except RefusedError as error:
            problem = error.problems[0]
            place = f"{name}:{problem.line}" if problem.line is not None else name
            raise ManifestError(f"{place}: {problem.message}") from None
        entries[sha256_of(text)] = text if chosen is None else {"document": text, "roles": chosen}
    return orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


def names_of(documents: Documents, texts: Iterable[str]) -> set[str]:
    """The names of the operations in the texts: those that metrics and the log may show."""
    return {name for text in texts for name in documents.check(text)}
