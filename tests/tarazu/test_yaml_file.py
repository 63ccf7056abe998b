"""YAML files that people write: what is wrong is named with its line, and no file ends the process."""

from __future__ import annotations

import pytest

from tarazu.errors import InputError
from tarazu.yaml_file import read_yaml


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [2,\n", r"wrong\.yaml:3: is no YAML"),
        ("a: 1\nb: 2\na: 3\n", r"wrong\.yaml:3: a is given twice"),
        ("", r"wrong\.yaml:1: the file is empty"),
        ("# only a remark\n", r"wrong\.yaml:1: the file is empty"),
        ("a:\n  " + "[" * 100_000, r"wrong\.yaml:2: is nested more than 64 levels deep"),
        ("- " * 100_000 + "x", r"wrong\.yaml:1: is nested more than 64 levels deep"),
    ],
    ids=["unclosed", "double key", "empty", "remark", "brackets", "dashes"],
)
def test_a_wrong_file_is_refused_with_the_line(tmp_path, text, said):
    path = tmp_path / "wrong.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        read_yaml(path, InputError)


def test_data_come_with_the_lines_of_their_values(tmp_path):
    path = tmp_path / "right.yaml"
    path.write_text("a:\n  b:\n    - x: 1\n    - y: ۲\n", encoding="utf-8")
    file = read_yaml(path, InputError)
    assert file.data == {"a": {"b": [{"x": 1}, {"y": "۲"}]}}
    assert file.place(("a", "b", 1, "y")) == f"{path}:4: a.b[1].y"
    assert file.line(("a", "b", 1, "missing")) == 4
