"""The folder `platform` holds the package `tarazu` and must never hide the standard library's module."""

from __future__ import annotations

import platform
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_platform_is_the_standard_librarys():
    assert Path(platform.__file__).parent == Path(sysconfig.get_path("stdlib"))


def test_the_folder_platform_is_no_package():
    assert (ROOT / "platform" / "tarazu" / "__init__.py").exists()
    assert not (ROOT / "platform" / "__init__.py").exists()
