from __future__ import annotations

import pytest

from rules.loader import load_catalogue, load_rule
from rules.versions import LOCK_NAME, raise_versions, read_lock, write_lock
from tarazu.errors import RuleError


def relock(folder):
    hashes = {path.stem: load_rule(path).content_hash for path in folder.path.glob("T??.yaml")}
    write_lock(folder.path, raise_versions(read_lock(folder.path), hashes))


def test_changed_content_is_refused_until_the_lock_knows_it(catalogue_of):
    folder = catalogue_of("T02")
    shipped = load_catalogue(folder.path).rules["T02"].version
    folder.edit("T02.yaml", "default: 50, min: 20", "default: 51, min: 20")
    with pytest.raises(RuleError) as refusal:
        load_catalogue(folder.path)
    assert str(refusal.value) == (
        f"{folder.path / 'T02.yaml'}: T02 has changed since it was written to rules.lock. Run `tarazu rules lock`."
    )
    relock(folder)
    assert load_catalogue(folder.path).rules["T02"].version == shipped + 1


def test_versions_rise_by_themselves_and_only_with_content(catalogue_of):
    folder = catalogue_of("T01", "T02")
    shipped = load_catalogue(folder.path).rules
    before = 50
    for value, raised in ((52, 1), (53, 2), (53, 2)):
        folder.edit("T02.yaml", f"default: {before}, min: 20", f"default: {value}, min: 20")
        before = value
        relock(folder)
        rules = load_catalogue(folder.path).rules
        assert rules["T01"].version == shipped["T01"].version
        assert rules["T02"].version == shipped["T02"].version + raised


def test_an_id_that_is_gone_keeps_its_place(catalogue_of):
    lock = {"T90": {"version": 4, "content_hash": "x"}}
    assert raise_versions(lock, {"T02": "y"}) == {
        "T02": {"version": 1, "content_hash": "y"},
        "T90": {"version": 4, "content_hash": "x"},
    }
    assert raise_versions(lock, {"T90": "z"})["T90"] == {"version": 5, "content_hash": "z"}


def test_a_rule_that_the_lock_does_not_know_is_refused(catalogue_of):
    folder = catalogue_of("T02")
    (folder.path / LOCK_NAME).unlink()
    with pytest.raises(RuleError, match=r"T02 is not in rules\.lock\. Run `tarazu rules lock`\."):
        load_catalogue(folder.path)


def test_a_damaged_lock_is_named_with_its_line(catalogue_of):
    folder = catalogue_of("T02")
    (folder.path / LOCK_NAME).write_text('{\n"T02": \n', encoding="utf-8")
    with pytest.raises(RuleError, match=r"rules\.lock:\d+: is no JSON\. Restore it"):
        load_catalogue(folder.path)


def test_the_lock_is_replaced_whole(catalogue_of):
    folder = catalogue_of("T02")
    before = sorted(path.name for path in folder.path.iterdir())
    write_lock(folder.path, {"T02": {"version": 7, "content_hash": "x"}})
    assert read_lock(folder.path) == {"T02": {"version": 7, "content_hash": "x"}}
    assert sorted(path.name for path in folder.path.iterdir()) == before
