"""Train, rank, promote and roll back on a database; the rules' priority where there is too little to learn from."""

from __future__ import annotations

import numpy as np
import pytest

from etl.ranking import store
from etl.ranking.backtest import run_backtest
from etl.ranking.extract import extract_history
from etl.ranking.service import BY_MODEL, BY_PRIORITY, rank, train_model
from rules.ranking.model import Parameters
from tarazu.database import Sessions, create_engine
from tarazu.errors import InputError, NotFoundError
from tests.etl.ranking.conftest import BILLS, CLIENTS

QUICK = Parameters(repeats=1, rounds=15, learning_rate=0.1, leaves=4, least_in_leaf=8, feature_share=0.5)
OTHER = Parameters(repeats=1, rounds=5, learning_rate=0.1, leaves=4, least_in_leaf=8, feature_share=0.5)


async def in_session(settings, work, *, write=False):
    engine = create_engine(settings, application_name="test", pool_size=1)
    try:
        sessions = Sessions(engine)
        async with sessions.write() if write else sessions.read() as session:
            return await work(session)
    finally:
        await engine.dispose()


def test_a_subject_is_the_electricity_of_an_agreement_with_its_gas(ranked):
    history = extract_history(ranked)
    assert len(history.subjects) == CLIENTS
    assert len(history.bills) == BILLS * (CLIENTS + CLIENTS // 2)
    of_one = history.bills.filter(history.bills["subject"] == 1)
    assert sorted(of_one["commodity"].unique()) == [0, 1]
    assert history.subjects["area"].unique().sort().to_list() == ["101", "102", "103"]
    assert history.bills["months"].unique().to_list() == [4.0]
    assert history.bills["model"].unique().to_list() == ["203"]
    assert history.bills["note"].n_unique() == 3


async def test_training_twice_is_one_version(ranked):
    first = await train_model(ranked, QUICK)
    again = await train_model(ranked, QUICK)
    assert (first.is_new, again.is_new) == (True, False)
    assert first.version == again.version
    assert first.metrics == again.metrics
    assert first.is_active
    assert again.is_active
    assert len(await in_session(ranked, store.models)) == 1


async def test_the_ranking_is_of_the_capacity_with_reasons_and_a_share_by_chance(ranked):
    await train_model(ranked, QUICK)
    ranking = await rank(ranked, capacity=20, random_share=0.25)

    assert ranking.by == BY_MODEL
    assert len(ranking.visits) == 20
    assert sum(visit.is_random for visit in ranking.visits) == 5
    assert len({visit.subscription_no for visit in ranking.visits}) == 20
    for visit in ranking.visits:
        assert 0 < visit.probability < 1
        assert visit.expected_rial == int(visit.probability * visit.money_rial)
        assert visit.reasons
        assert all(reason.en and reason.fa for reason in visit.reasons)
    best = [visit.expected_rial for visit in ranking.visits if not visit.is_random]
    assert best == sorted(best, reverse=True)
    assert ranking == await rank(ranked, capacity=20, random_share=0.25)


async def test_points_that_were_found_out_are_not_ranked_again(ranked, sql_for):
    await train_model(ranked, QUICK)
    everyone = await rank(ranked, capacity=10_000)
    found = {number for (number,) in sql_for(ranked)("SELECT inspection_no FROM inspection")}
    assert len(everyone.visits) == CLIENTS - len(found)
    assert not found & {visit.customer_no for visit in everyone.visits}


async def test_a_district_alone(ranked):
    await train_model(ranked, QUICK)
    ranking = await rank(ranked, capacity=1000, district="61")
    assert {visit.district for visit in ranking.visits} == {"61"}
    with pytest.raises(NotFoundError, match="no district 'nowhere'"):
        await rank(ranked, capacity=10, district="nowhere")


async def test_no_capacity_is_refused(ranked):
    with pytest.raises(InputError, match="capacity 0"):
        await rank(ranked, capacity=0)


async def test_too_few_outcomes_fall_back_to_the_rules_and_say_so(ranked):
    poor = ranked.model_copy(update={"ranking_least_outcomes": 1000})
    summary = await train_model(poor, QUICK)
    assert summary.version is None
    assert "at least 1,000 of each are needed" in summary.message
    ranking = await rank(poor, capacity=20)
    assert ranking.by == BY_PRIORITY
    assert ranking.message == summary.message
    assert len(ranking.visits) == 2  # no case is open: only the tenth that is drawn by chance
    assert all(visit.is_random and visit.reasons[0].en for visit in ranking.visits)


async def test_outcomes_of_one_kind_name_the_setting_that_helps(ranked):
    only_hits = ranked.model_copy(update={"ranking_uninspected": "ignore"})
    summary = await train_model(only_hits, QUICK)
    assert summary.version is None
    assert "TARAZU_RANKING_UNINSPECTED=clean" in summary.message


async def test_a_rollback_brings_back_the_version_before(ranked):
    first = (await train_model(ranked, QUICK)).version
    second = (await train_model(ranked, OTHER, promote=False)).version
    assert await in_session(ranked, store.active_version) == first

    assert await in_session(ranked, lambda session: store.promote(session, second), write=True)
    assert not await in_session(ranked, lambda session: store.promote(session, second), write=True)
    assert await in_session(ranked, store.active_version) == second

    assert await in_session(ranked, store.roll_back, write=True) == (second, first)
    assert await in_session(ranked, store.roll_back, write=True) == (first, None)
    with pytest.raises(NotFoundError, match="No model is in force"):
        await in_session(ranked, store.roll_back, write=True)
    with pytest.raises(NotFoundError, match="no model 'deadbeef'"):
        await in_session(ranked, lambda session: store.promote(session, "deadbeef"), write=True)


async def test_what_is_stored_comes_back(ranked):
    version = (await train_model(ranked, QUICK)).version
    trained = await in_session(ranked, lambda session: store.load(session, version))
    assert trained.model.parameters == QUICK
    assert store.pack(trained) == store.pack(store.unpack(store.pack(trained)))
    known = trained.known(np.array([trained.row_key[3], -5]))
    assert known.train.tolist() == [True, False]
    assert known.outcome[0] == trained.outcome[3]


async def test_a_backtest_writes_a_page_in_both_languages(ranked, tmp_path):
    result = await run_backtest(ranked, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")

    assert result["points"] == CLIENTS
    assert result["undated"] == CLIENTS
    assert result["quality"]["area"] > 0.5
    assert {row["name"] for row in result["ranking"]} >= {"ranking, best 100", "written rules, best 100"}
    assert page.count("<svg") == 3
    assert 'dir="rtl"' in page
    assert "the figures flatter" in page
    assert "خوش‌بینانه" in page


async def test_a_backtest_without_outcomes_says_what_is_missing(ranked, sql_for, tmp_path):
    sql_for(ranked)("DELETE FROM inspection")
    bare = ranked.model_copy(update={"ranking_uninspected": "ignore"})
    result = await run_backtest(bare, tmp_path / "report.html")
    assert result["points"] == 0
    assert "are needed" in result["message"]
    assert "<svg" not in (tmp_path / "report.html").read_text(encoding="utf-8")
