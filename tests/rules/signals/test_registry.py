from __future__ import annotations

import dataclasses

import pytest

from rules.signals import Field, all_signals
from rules.signals.registry import signal
from rules.testing.points import point_batch


def declaration(name, fields):
    return signal(
        name=name,
        subject="usage_point",
        title_en="t",
        title_fa="ت",
        fields=fields,
        formula="f",
        missing="m",
        source="s",
        needs=(),
    )


def test_a_name_is_declared_once():
    with pytest.raises(ValueError, match="'zero_run' is declared twice"):
        declaration("zero_run", {})(lambda batch: None)


@pytest.mark.parametrize("name", ["id", "sid", "signal"])
def test_fields_do_not_take_the_engines_names(name):
    with pytest.raises(ValueError, match="reserved names"):
        declaration("another", {name: Field("count", "x", "ی")})(lambda batch: None)
    assert "another" not in all_signals()


def test_an_empty_bucket_is_no_special_case(site):
    batch = point_batch([], last_month=24311, as_of=20442, site=site)
    batch = dataclasses.replace(batch, daily_kwh=batch.daily_kwh.reshape(0, 24))
    for declared in all_signals().values():
        if declared.subject == "usage_point":
            values = declared.kernel(batch)
            assert len(values.present) == 0, declared.name
            assert all(len(column) == 0 for column in values.fields.values()), declared.name
