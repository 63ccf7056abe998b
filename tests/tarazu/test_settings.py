from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tarazu.errors import InputError
from tarazu.settings import Settings, environment_name, get_settings


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARAZU_HOME", str(tmp_path))


def test_defaults_stand_where_nothing_is_set(tmp_path):
    settings = get_settings()
    assert settings.home == tmp_path
    assert settings.uses_embedded_database
    assert (settings.api_host, settings.api_port) == ("127.0.0.1", 8000)
    assert (settings.lake_buckets, settings.panel_months, settings.case_window_days) == (64, 36, 180)
    assert settings.lake_directory == tmp_path / "lake"
    assert settings.runs_directory == tmp_path / "runs"
    assert settings.dask_workers >= 1


def test_every_setting_has_a_description():
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


def test_the_environment_wins_over_the_file_and_arguments_over_both(tmp_path, monkeypatch):
    (tmp_path / "tarazu.env").write_text("TARAZU_API_PORT=8100\nTARAZU_PAGE_SIZE_MAX=50\n")
    assert get_settings().api_port == 8100
    monkeypatch.setenv("TARAZU_API_PORT", "8200")
    assert get_settings().api_port == 8200
    assert get_settings().page_size_max == 50
    assert get_settings(api_port=8300).api_port == 8300


def test_nothing_is_cached_between_calls(monkeypatch):
    assert get_settings().lake_buckets == 64
    monkeypatch.setenv("TARAZU_LAKE_BUCKETS", "16")
    assert get_settings().lake_buckets == 16


def test_an_empty_variable_counts_as_unset(monkeypatch):
    monkeypatch.setenv("TARAZU_DATABASE_URL", "")
    assert get_settings().database_url is None


def test_a_home_with_a_tilde_or_relative_becomes_absolute(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TARAZU_HOME", "~/scales")
    assert get_settings().home == tmp_path / "scales"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TARAZU_HOME", "scales")
    assert get_settings().home == tmp_path / "scales"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("api_port", "abc"),
        ("api_port", "70000"),
        ("lake_buckets", "0"),
        ("company_code", "12"),
        ("company_code", "12a"),
        ("log_level", "loud"),
        ("dask_scheduler", "10.0.0.1"),
        ("statement_timeout_ms", "0"),
        ("database_url", "mysql://u:p@h/d"),
        ("database_url", "postgresql://host"),
        ("database_url", "postgresql://u:p@h:port/d"),
    ],
)
def test_a_wrong_value_is_an_input_error_that_names_the_variable(monkeypatch, field, value):
    monkeypatch.setenv(environment_name(field), value)
    with pytest.raises(InputError, match=environment_name(field)) as caught:
        get_settings()
    assert caught.value.__cause__ is None
    assert Settings.model_fields[field].description in str(caught.value)


def test_all_wrong_values_are_named_at_once(monkeypatch):
    monkeypatch.setenv("TARAZU_API_PORT", "abc")
    monkeypatch.setenv("TARAZU_PANEL_MONTHS", "1")
    with pytest.raises(InputError, match=r"(?s)TARAZU_PANEL_MONTHS.*TARAZU_API_PORT"):
        get_settings()


def test_a_misspelt_name_in_the_file_is_refused(tmp_path):
    (tmp_path / "tarazu.env").write_text("TARAZU_API_PROT=8100\n")
    with pytest.raises(InputError, match="TARAZU_API_PROT"):
        get_settings()


def test_the_file_may_not_move_the_home(tmp_path, monkeypatch):
    monkeypatch.delenv("TARAZU_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    (tmp_path / "tarazu").mkdir()
    (tmp_path / "tarazu" / "tarazu.env").write_text("TARAZU_HOME=/elsewhere\n")
    with pytest.raises(InputError, match="sets TARAZU_HOME"):
        get_settings()


@given(
    # With an x in front: digits alone may be those of another setting.
    password=st.from_regex(r"x[A-Za-z0-9]{8,30}", fullmatch=True),
    rest=st.sampled_from(["h:x/d", "h", "h:0/d"]),
)
def test_a_password_is_never_shown(password, rest):
    for url in (f"postgresql://someone:{password}@{rest}", f"mysql://someone:{password}@h/d"):
        with pytest.raises(InputError) as caught:
            get_settings(database_url=url)
        assert password not in str(caught.value)
    settings = get_settings(database_url=f"postgresql://someone:{password}@h/d")
    assert password not in repr(settings)
    assert password not in settings.model_dump_json()


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+asyncpg"])
def test_both_schemes_of_postgresql_are_taken(scheme):
    settings = get_settings(database_url=f"{scheme}://u:p@h:5433/d")
    assert not settings.uses_embedded_database


def test_settings_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        get_settings().api_port = 1


def test_log_level_is_taken_in_any_case(monkeypatch):
    monkeypatch.setenv("TARAZU_LOG_LEVEL", "debug")
    assert get_settings().log_level == "DEBUG"
