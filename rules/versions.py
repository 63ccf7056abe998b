"""The version lock: a rule's version is a whole number that rises by itself whenever its content changes.

`rules.lock` in the catalogue holds id → version and content hash. `tarazu rules lock` writes it; a catalogue whose
content the lock does not know is refused, so that no finding carries a version that means two things.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tarazu.errors import RuleError

LOCK_NAME = "rules.lock"


def read_lock(directory: Path) -> dict[str, dict[str, Any]]:
    path = directory / LOCK_NAME
    if not path.exists():
        return {}
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise RuleError(
            f"{path}:{error.lineno}: is no JSON.", mend="Restore it from version control."
        ) from error
    assert isinstance(lock, dict)
    return lock


def locked_version(lock: dict[str, dict[str, Any]], rule_id: str, content_hash: str, path: Path) -> int:
    entry = lock.get(rule_id)
    if entry is None or entry["content_hash"] != content_hash:
        state = "is not in" if entry is None else "has changed since it was written to"
        raise RuleError(f"{path}: {rule_id} {state} {LOCK_NAME}.", mend="Run `tarazu rules lock`.")
    return int(entry["version"])


def raise_versions(lock: dict[str, dict[str, Any]], hashes: dict[str, str]) -> dict[str, dict[str, Any]]:
    """The new lock: changed rules one version up, new ones at 1, removed ones kept (an id is never used again)."""
    new = dict(lock)
    for rule_id, content_hash in hashes.items():
        entry = lock.get(rule_id)
        if entry is None:
            new[rule_id] = {"version": 1, "content_hash": content_hash}
        elif entry["content_hash"] != content_hash:
            new[rule_id] = {"version": int(entry["version"]) + 1, "content_hash": content_hash}
    return dict(sorted(new.items()))


def write_lock(directory: Path, lock: dict[str, dict[str, Any]]) -> None:
    """Replace the lock in one step."""
    text = json.dumps(lock, indent=2) + "\n"
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=LOCK_NAME)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(directory / LOCK_NAME)
