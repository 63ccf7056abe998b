"""What a simulation says is what a scan finds with the value set."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from dataclasses import replace

import pytest

from etl.scan.in_force import catalogue_in_force
from etl.scan.run import scan
from etl.scan.simulate import Side, preview, simulate
from rules.loader import CATALOGUE_DIRECTORY, load_catalogue, load_rule
from rules.parameter_settings import ParameterSetting
from tarazu.database import create_engine
from tarazu.errors import InputError, NotFoundError, RuleError

HOLDING = (
    'SELECT c.subject_key, c.district_id, f.parameters::text FROM finding f JOIN "case" c ON c.id = f.case_id'
    " WHERE f.rule_id = '{}' AND f.ended_scan_run_id IS NULL"
)
CASES = (
    "SELECT c.district_id FROM \"case\" c WHERE c.family = '{}' AND c.subject_kind = '{}' AND EXISTS"
    " (SELECT 1 FROM finding f WHERE f.case_id = c.id AND f.ended_scan_run_id IS NULL)"
)
SET = (
    "INSERT INTO rule_parameter (rule_id, parameter, tariff_class, district_id, version, value, least, most,"
    " valid_from, needs_approval, reason, principal_id, principal_name)"
    " VALUES ('{0.rule_id}', '{0.parameter}', {1}, {2}, 1, {0.value}, -1e9, 1e9, '2020-01-01', false, 'x', 'x', 'x')"
)


def set_in_database(sql, setting):
    tariff_class = "NULL" if setting.tariff_class is None else f"'{setting.tariff_class}'"
    sql(SET.format(setting, tariff_class, "NULL" if setting.district_id is None else setting.district_id))


async def in_force(settings):
    engine = create_engine(settings)
    async with engine.connect() as connection:
        catalogue = await catalogue_in_force(connection, load_catalogue(), dt.date(2025, 9, 1))
    await engine.dispose()
    return catalogue


def _district(sql):
    return sql("SELECT district_id FROM usage_point GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")[0][0]


@pytest.mark.parametrize(
    ("rule", "parameter", "value", "tariff_class", "is_of_district"),
    [
        ("T02", "drop_percent", 30.0, None, False),
        ("T02", "drop_percent", 85.0, None, True),
        ("T17", "non_technical_loss_percent", 30.0, None, False),
        ("T03", "fall_percent", 20.0, "residential", False),
        ("B12", "least_bills", 6.0, "residential", True),
        ("C07", "oldest_days", 400.0, None, False),
        ("T15", "robust_z", -1.6, None, True),
    ],
)
async def test_a_simulation_finds_what_a_scan_with_that_value_finds(
    after_scan, sql_for, rule, parameter, value, tariff_class, is_of_district
):
    sql = sql_for(after_scan)
    catalogue = load_catalogue()
    district = _district(sql) if is_of_district else None
    tried = ParameterSetting(rule, parameter, tariff_class, district, value)
    said = simulate(after_scan, catalogue, rule, [tried])
    of_family = (catalogue.rules[rule].family, catalogue.rules[rule].subject)

    before = sql(HOLDING.format(rule))
    assert said.now.findings == len(before)
    assert said.now.by_district == Counter(row[1] for row in before)
    assert said.now.cases == len(sql(CASES.format(*of_family)))

    set_in_database(sql, tried)
    await scan(after_scan, catalogue)
    after = sql(HOLDING.format(rule))
    assert said.then.findings == len(after)
    assert said.then.by_district == Counter(row[1] for row in after)
    assert said.then.cases == len(sql(CASES.format(*of_family)))
    assert said.then.cases_by_district == Counter(row[0] for row in sql(CASES.format(*of_family)))
    keys_before, keys_after = {row[0] for row in before}, {row[0] for row in after}
    assert sorted(said.gained) == sorted(keys_after - keys_before)
    assert sorted(said.lost) == sorted(keys_before - keys_after)
    if district is None and tariff_class is None:
        assert all(json.loads(row[2])[parameter] == value for row in after)

    # And what is in force now is the other side of the next simulation.
    again = simulate(after_scan, await in_force(after_scan), rule, [])
    assert again.now.findings == again.then.findings == len(after)


async def test_what_is_set_for_a_district_judges_only_there(after_scan, sql_for):
    sql = sql_for(after_scan)
    before = Counter(row[1] for row in sql(HOLDING.format("B12")))
    district = max(before, key=lambda one: before[one])
    set_in_database(sql, ParameterSetting("B12", "least_bills", None, district, 12.0))
    await scan(after_scan, load_catalogue())
    after = Counter(row[1] for row in sql(HOLDING.format("B12")))
    assert after[district] < before[district]
    assert {d: n for d, n in after.items() if d != district} == {
        d: n for d, n in before.items() if d != district
    }


async def test_a_preview_of_a_file_says_what_a_scan_by_it_finds(after_scan, sql_for, tmp_path):
    sql, catalogue = sql_for(after_scan), load_catalogue()
    text = (CATALOGUE_DIRECTORY / "T03.yaml").read_text(encoding="utf-8")
    default = f"default: {catalogue.rules['T03'].parameters['fall_percent'].default:g}"
    assert text.count(default) == 1
    (tmp_path / "T03.yaml").write_text(
        text.replace(default, "default: 20").replace("status: stable", "status: draft")
    )
    rule = load_rule(tmp_path / "T03.yaml")
    assert rule.status == "draft"
    said = preview(after_scan, catalogue, rule)

    before = {row[0] for row in sql(HOLDING.format("T03"))}
    stable = replace(rule, status="stable")
    await scan(after_scan, replace(catalogue, rules={**catalogue.rules, "T03": stable}, hash="previewed"))
    after = sql(HOLDING.format("T03"))
    keys = {row[0] for row in after}
    assert keys > before
    assert (said.now.findings, said.then.findings) == (len(before), len(after))
    assert (sorted(said.gained), said.lost) == (sorted(keys - before), [])
    same_subject = (
        'SELECT f.rule_id, count(*) FROM finding f JOIN "case" c ON c.id = f.case_id WHERE ended_scan_run_id IS NULL'
        " AND family = 'theft' AND rule_id <> 'T03' AND c.id IN (SELECT case_id FROM finding WHERE rule_id = 'T03'"
        " AND ended_scan_run_id IS NULL) GROUP BY 1"
    )
    assert said.overlap == dict(sql(same_subject))
    told = dict(
        sql(
            'SELECT c.subject_key, f.sentence_en FROM finding f JOIN "case" c ON c.id = f.case_id'
            " WHERE f.rule_id = 'T03' AND f.ended_scan_run_id IS NULL"
        )
    )
    assert said.examples
    assert all(one.subject in said.gained and one.sentence_en == told[one.subject] for one in said.examples)
    money = [one.money_at_risk_rial for one in said.examples]
    assert money == sorted(money, reverse=True)


async def test_a_preview_of_a_new_rule_gains_all_that_it_finds(scanned):
    catalogue = load_catalogue()
    new = replace(catalogue.rules["T03"], id="T90")
    said = preview(scanned[0], catalogue, new)
    assert said.now == Side(cases=said.now.cases, cases_by_district=said.now.cases_by_district)
    assert said.then.findings == len(said.gained) == said.overlap["T03"] > 0
    with pytest.raises(InputError, match="T03 is a rule of theft about a usage_point"):
        preview(scanned[0], catalogue, replace(new, id="T03", family="billing"))


def test_a_simulation_writes_nothing_and_tells_known_outcomes(scanned, sql_for):
    settings, _ = scanned
    sql = sql_for(settings)
    tables = ("rule_parameter", "scan_run", '"case"', "finding", "audit_event")
    before = [sql(f"SELECT count(*) FROM {table}") for table in tables]
    found = simulate(
        settings, load_catalogue(), "B12", [ParameterSetting("B12", "least_bills", None, None, 12.0)]
    )
    assert found.lost
    outcomes = {found.lost[0]: "theft", "nobody": "clean"}
    answer = found.to_json({}, outcomes, examples=3)
    assert answer["lost"]["outcomes"] == {"theft": 1}
    assert answer["lost"]["inspected"] == [{"subject": found.lost[0], "outcome": "theft"}]
    assert answer["gained"] == {"findings": 0, "outcomes": {}, "inspected": [], "examples": []}
    assert len(answer["lost"]["examples"]) == min(3, len(found.lost))
    assert answer["now"]["money_at_risk_rial"] > answer["then"]["money_at_risk_rial"]
    assert before == [sql(f"SELECT count(*) FROM {table}") for table in tables]


@pytest.mark.parametrize(
    ("rule", "parameter", "value", "error", "message"),
    [
        ("T99", "x", 1.0, NotFoundError, "no rule T99"),
        ("B12", "x", 1.0, InputError, "no parameter 'x'"),
        ("B12", "least_bills", 99.0, RuleError, "outside"),
    ],
)
def test_a_wrong_question_is_refused_with_its_cause(scanned, rule, parameter, value, error, message):
    with pytest.raises(error, match=message):
        simulate(scanned[0], load_catalogue(), rule, [ParameterSetting(rule, parameter, None, None, value)])
