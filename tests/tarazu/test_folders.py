from __future__ import annotations

import pytest

from tarazu.errors import StorageError
from tarazu.folders import private_folder


def test_a_new_folder_is_closed_to_others(tmp_path):
    folder = private_folder(tmp_path / "a" / "b")
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_was_there_keeps_its_mode(tmp_path):
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "shared").chmod(0o750)
    assert private_folder(tmp_path / "shared").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_way_is_named(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="file"):
        private_folder(tmp_path / "file" / below)
