"""Names for what a result depends on: equal values have equal digests, in every process."""

from __future__ import annotations

import hashlib
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

# What the findings are computed with, besides the rules that the catalogue's hash names.
_PACKAGES = ("rules", "etl.lake", "etl.scan")
_LIBRARIES = ("durable-rules", "numpy", "orjson", "pyarrow")


def digest_of(*values: Any) -> str:
    """Of arrays by their bytes, of dataclasses by their fields, of all else by what `repr` says."""
    digest = hashlib.sha256()
    for value in values:
        _add(digest, value)
    return digest.hexdigest()[:24]


def _add(digest: Any, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"array {value.dtype} {value.shape};".encode())
        digest.update(np.ascontiguousarray(value).tobytes())
    elif is_dataclass(value) and not isinstance(value, type):
        digest.update(f"{type(value).__name__}(".encode())
        for field in fields(value):
            digest.update(f"{field.name}=".encode())
            _add(digest, getattr(value, field.name))
    elif isinstance(value, dict):
        digest.update(f"dict {len(value)};".encode())
        for key, inner in value.items():
            _add(digest, key)
            _add(digest, inner)
    else:
        text = repr(value).encode()
        digest.update(f"{len(text)}:".encode() + text)


@cache
def code_digest() -> str:
    """Of the code that computes findings: results of an older version do not stand under a newer one."""
    digest = hashlib.sha256()
    for library in _LIBRARIES:
        digest.update(f"{library} {version(library)};".encode())
    for package in _PACKAGES:
        _add_folder(digest, resources.files(package))
    return digest.hexdigest()[:24]


def _add_folder(digest: Any, folder: Traversable) -> None:
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            if not entry.name.startswith((".", "_")):
                _add_folder(digest, entry)
        elif entry.name.endswith((".py", ".yaml", ".lock")):
            digest.update(f"{entry.name};".encode() + entry.read_bytes())
