"""The synthetic utility: consistent with itself but where `truth` says otherwise."""

import datetime as dt
import gc
import weakref

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl.synth import THEFT, Planted, Shares, frames, numbers
from tarazu.errors import InputError
from tarazu.identifiers.arrays import (
    bill_check_valid,
    bill_company_code,
    bill_service_type,
    legal_entity_id_valid,
    national_id_valid,
    payment_amount_rial,
    payment_check_valid,
)
from tarazu.identifiers.mobile import is_valid_mobile
from tarazu.models import Base

CUSTOMERS = 4_000
END = dt.date(2026, 9, 23)
WINDOW_START = dt.date(2024, 9, 22)  # 1 Mehr 1403


@pytest.fixture(scope="module")
def chunk():
    (only,) = frames(CUSTOMERS, seed=7)
    return only


@pytest.fixture(scope="module")
def honest():
    (only,) = frames(CUSTOMERS, 7, shares=Shares.honest())
    return only


def planted(chunk, *kinds):
    return set(chunk.truth.filter(pl.col("kind").is_in([kind.value for kind in kinds]))["subject_key"])


def ints(column):
    return column.cast(pl.Int64).to_numpy()


# --- Streaming and determinism ---------------------------------------------------------------------------


def test_the_same_arguments_give_the_same_utility(chunk):
    (again,) = frames(CUSTOMERS, seed=7)

    assert again.truth.equals(chunk.truth)
    assert again.tables.keys() == chunk.tables.keys()
    for name, table in chunk.tables.items():
        assert again.tables[name].equals(table), name


def test_another_seed_gives_another_utility(chunk):
    (other,) = frames(CUSTOMERS, seed=8)

    assert not other.tables["invoice"].equals(chunk.tables["invoice"])


def test_a_chunk_is_released_when_the_next_one_is_made():
    stream = frames(25_000, seed=1)
    first = weakref.ref(next(stream).used_kwh)
    next(stream)
    gc.collect()

    assert first() is None


def test_planting_changes_no_other_chunk():
    """A chunk has its own random stream: what happens in one is not felt in the next."""
    chunks = list(frames(25_000, seed=3))
    again = list(frames(25_000, seed=3))

    assert [c.number for c in chunks] == [0, 1]
    assert chunks[1].tables["invoice"].equals(again[1].tables["invoice"])


@pytest.mark.parametrize(
    ("customers", "months"), [(100, 24), (6_000_000, 24), (1000, 25), (1000, 12), (1000, 122)]
)
def test_impossible_sizes_are_refused_before_anything_is_made(customers, months):
    with pytest.raises(InputError):
        frames(customers, 1, months)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match="sudden_drop"):
        Shares(sudden_drop=share)


@pytest.mark.parametrize("months", [24, 36])
def test_ordinary_points_have_a_bill_every_two_months_and_demand_points_every_month(months):
    (made,) = frames(400, 2, months, shares=Shares(**dict.fromkeys(Shares.__dataclass_fields__, 0.0)))
    demand = made.tables["usage_point_term"].filter(pl.col("contracted_power_kw") > 30)["subscription_no"]
    bills = made.tables["invoice"].group_by("subscription_no").len()
    is_demand = pl.col("subscription_no").is_in(demand.implode())

    assert set(bills.filter(is_demand)["len"]) == {months}
    assert set(bills.filter(~is_demand)["len"]) == {months // 2}
    assert made.tables["invoice"]["period_end"].max() < END
    assert made.truth.is_empty()


# --- The frames are the models ------------------------------------------------------------------------------

PARENTS = {
    "feeder": {"exchange_point_code": ("exchange_point", "code")},
    "distribution_transformer": {"feeder_code": ("feeder", "code"), "district_code": ("district", "code")},
    "supply_agreement": {"customer_no": ("customer", "customer_no")},
    "usage_point": {
        "district_code": ("district", "code"),
        "transformer_code": ("distribution_transformer", "code"),
    },
    "usage_point_term": {"subscription_no": ("usage_point", "subscription_no")},
    "usage_point_status": {"subscription_no": ("usage_point", "subscription_no")},
    "agreement_usage_point": {
        "agreement_no": ("supply_agreement", "agreement_no"),
        "subscription_no": ("usage_point", "subscription_no"),
    },
    "meter_installation": {
        "meter_serial_no": ("meter", "serial_no"),
        "subscription_no": ("usage_point", "subscription_no"),
    },
    "meter_multiplier": {"meter_serial_no": ("meter_installation", "meter_serial_no")},
    "meter_reading": {"meter_serial_no": ("meter_installation", "meter_serial_no")},
    "end_device_event": {"meter_serial_no": ("meter", "serial_no")},
    "interval_reading": {
        "meter_serial_no": ("meter_installation", "meter_serial_no"),
        "subscription_no": ("usage_point", "subscription_no"),
    },
    "invoice": {
        "subscription_no": ("usage_point", "subscription_no"),
        "agreement_no": ("supply_agreement", "agreement_no"),
        "meter_serial_no": ("meter_installation", "meter_serial_no"),
    },
    "invoice_line": {"invoice_no": ("invoice", "invoice_no")},
    "payment": {"subscription_no": ("usage_point", "subscription_no")},
    "payment_allocation": {"payment_no": ("payment", "payment_no"), "invoice_no": ("invoice", "invoice_no")},
    "inspection": {"subscription_no": ("usage_point", "subscription_no")},
    "transformer_energy": {"transformer_code": ("distribution_transformer", "code")},
}
KEYS = {
    "customer": ["customer_no"],
    "supply_agreement": ["agreement_no"],
    "usage_point": ["subscription_no"],
    "usage_point_term": ["subscription_no", "valid_from"],
    "usage_point_status": ["subscription_no", "kind", "valid_from"],
    "agreement_usage_point": ["subscription_no", "valid_from"],
    "meter": ["serial_no"],
    "meter_installation": ["subscription_no", "meter_serial_no"],
    "meter_reading": ["meter_serial_no", "read_on", "register", "index_value"],
    "end_device_event": ["meter_serial_no", "occurred_at", "kind"],
    "interval_reading": ["meter_serial_no", "quantity", "phase", "started_at"],
    "invoice": ["subscription_no", "invoice_no"],
    "payment": ["payment_no"],
    "inspection": ["inspection_no"],
    "district": ["code"],
    "exchange_point": ["code"],
    "feeder": ["code"],
    "distribution_transformer": ["code"],
    "transformer_energy": ["transformer_code", "period_start"],
}


@pytest.fixture(scope="module")
def two_chunks():
    return list(frames(25_000, seed=5))


def test_every_parent_stands_in_the_same_or_an_earlier_chunk(two_chunks):
    seen = {}
    for part in two_chunks:
        for name, table in part.tables.items():
            for column in table.columns:
                seen.setdefault((name, column), set()).update(
                    table[column].to_list() if column.endswith(("_no", "code")) else ()
                )
        for child, parents in PARENTS.items():
            for column, parent in parents.items():
                assert set(part.tables[child][column].drop_nulls()) <= seen[parent], (child, column)


def test_natural_keys_are_unique_over_chunks(two_chunks):
    for name, key in KEYS.items():
        table = pl.concat([part.tables[name].select(key) for part in two_chunks])
        assert not table.is_duplicated().any(), name


def test_a_subscription_has_one_bill_a_year_and_period(two_chunks):
    bills = pl.concat([part.tables["invoice"] for part in two_chunks])

    assert not bills.select("subscription_no", "billing_year", "billing_period").is_duplicated().any()


def test_frames_have_the_columns_of_the_models(chunk):
    for name, table in chunk.tables.items():
        if name == "invoice_line":
            continue
        parents = PARENTS.get(name, {}).keys() | {"subscription_no"}
        known = set(Base.metadata.tables[name].columns.keys())
        assert set(table.columns) - parents <= known, name


# --- Identifiers --------------------------------------------------------------------------------------------


def test_identifiers_are_valid_and_nobodys(chunk):
    customers = chunk.tables["customer"]

    assert national_id_valid(ints(customers["national_id"].drop_nulls())).all()
    assert legal_entity_id_valid(ints(customers["legal_entity_id"].drop_nulls())).all()
    assert customers["national_id"].drop_nulls().str.starts_with("99").all()
    assert all(map(is_valid_mobile, customers["mobile"].drop_nulls().head(50)))
    assert customers["mobile"].drop_nulls().str.starts_with("+98900").all()


def test_bill_and_payment_ids_hold_but_where_the_truth_says_so(chunk):
    # Revisions are paid by the id of the bill that they revise.
    bills = chunk.tables["invoice"].filter(pl.col("bill_id").is_not_null())
    bill_id, payment_id = ints(bills["bill_id"]), ints(bills["payment_id"])
    wrong_company = bills.filter(pl.Series(bill_company_code(bill_id) != 999))["subscription_no"]
    wrong_amount = bills.filter(pl.Series(payment_amount_rial(payment_id)) != pl.col("payable_rial"))[
        "subscription_no"
    ]

    assert bill_check_valid(bill_id).all()
    assert payment_check_valid(bill_id, payment_id).all()
    assert (bill_service_type(bill_id) == 2).all()
    assert set(wrong_company) == planted(chunk, Planted.BILL_ID_COMPANY)
    assert set(wrong_amount) == planted(chunk, Planted.PAYMENT_ID_AMOUNT, Planted.NOT_ROUNDED)
    assert len(wrong_company) == len(set(wrong_company))


@settings(max_examples=200)
@given(
    file_code=st.integers(1, 99_999_999),
    thousands=st.integers(1, 99_999_999),
    year=st.integers(1300, 1499),
    period=st.integers(0, 99),
)
def test_made_bill_and_payment_ids_are_valid_for_any_amount(file_code, thousands, year, period):
    bill = numbers.bill_ids(np.array([file_code]))
    payment = numbers.payment_ids(bill, np.array([thousands * 1000]), np.array([year]), np.array([period]))

    assert bill_check_valid(bill).all()
    assert payment_check_valid(bill, payment).all()
    assert payment_amount_rial(payment)[0] == thousands * 1000


@given(index=st.lists(st.integers(0, 9_000_000), min_size=1, unique=True))
def test_made_personal_ids_are_valid_and_distinct(index):
    national = numbers.national_ids(np.array(index))
    legal = numbers.legal_entity_ids(np.array(index))

    assert national_id_valid(national).all()
    assert legal_entity_id_valid(legal).all()
    assert len(set(legal.tolist())) == len(set(national.tolist())) == len(index)


# --- Bills --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chained(chunk):
    """Bills with what the bill before on the same meter showed, and the meter's own data."""
    meters = chunk.tables["meter"].rename({"serial_no": "meter_serial_no"})
    multipliers = chunk.tables["meter_multiplier"].select("meter_serial_no", installed="multiplier")
    return (
        chunk.tables["invoice"]
        .join(meters, on="meter_serial_no", maintain_order="left", how="left")
        .join(multipliers, on="meter_serial_no", maintain_order="left", how="left")
        .with_columns(
            last_end=pl.col("period_end").shift().over("subscription_no"),
            last_index=pl.col("current_index").shift().over("meter_serial_no"),
            delta=pl.col("current_index") - pl.col("previous_index"),
        )
    )


def test_periods_tile_but_where_the_truth_says_so(chunk, chained):
    broken = chained.filter(pl.col("period_start") != pl.col("last_end"))

    assert set(broken["subscription_no"]) == planted(
        chunk, Planted.PERIOD_GAP, Planted.PERIOD_OVERLAP, Planted.DUPLICATE_BILL, Planted.REVISED_TWICE
    )


def test_registers_go_on_from_bill_to_bill_but_for_missing_and_double_bills(chunk, chained):
    broken = chained.filter(pl.col("previous_index") != pl.col("last_index"))

    assert set(broken["subscription_no"]) <= planted(
        chunk, Planted.PERIOD_GAP, Planted.DUPLICATE_BILL, Planted.REVISED_TWICE
    )


def test_energy_follows_from_the_registers_but_where_the_truth_says_so(chunk, chained):
    turned_back = planted(chunk, Planted.REGISTER_TURNED_BACK)
    rolled = pl.when((pl.col("delta") < 0) & ~pl.col("subscription_no").is_in(list(turned_back))).then(
        10 ** pl.col("register_digits")
    )
    wrong = chained.filter(
        (pl.col("consumption_kwh") - (pl.col("delta") + rolled.otherwise(0)) * pl.col("installed")).abs()
        > 0.01
    )

    assert set(wrong["subscription_no"]) == turned_back | planted(
        chunk, Planted.ARITHMETIC, Planted.SMALL_MULTIPLIER
    )
    backwards = chained.filter((pl.col("delta") < 0) & pl.col("subscription_no").is_in(list(turned_back)))
    assert set(backwards["subscription_no"]) == turned_back
    assert (backwards["consumption_kwh"] == 0).all()


def test_small_multipliers_are_smaller_than_the_installed_one(chunk, chained):
    smaller = chained.filter(pl.col("multiplier") != pl.col("installed"))

    assert set(smaller["subscription_no"]) == planted(chunk, Planted.SMALL_MULTIPLIER)
    assert (smaller["multiplier"] < smaller["installed"]).all()


def test_some_honest_registers_roll_over(honest):
    bills = honest.tables["invoice"]

    assert (bills["current_index"] < bills["previous_index"]).any()


def test_an_exchanged_meter_begins_at_zero_on_a_reading_day(chunk):
    installed = chunk.tables["meter_installation"]
    second = installed.filter(pl.col("meter_serial_no").str.starts_with("4"))
    first_bills = (
        chunk.tables["invoice"]
        .group_by("meter_serial_no")
        .agg(pl.col("period_start").min(), pl.col("previous_index").first())
    )
    joined = second.join(first_bills, on="meter_serial_no", how="inner")

    assert joined.height
    assert (joined["period_start"] == joined["valid_from"]).all()
    assert (joined["previous_index"] == 0).all()


def test_bands_of_demand_bills_add_up(chunk):
    bills = chunk.tables["invoice"].filter(pl.col("mid_kwh").is_not_null())
    wrong = bills.filter(
        (pl.col("mid_kwh") + pl.col("peak_kwh") + pl.col("low_kwh") - pl.col("consumption_kwh")).abs() > 0.01
    )

    assert bills.height
    assert set(wrong["subscription_no"]) <= planted(chunk, Planted.ARITHMETIC)


def test_steps_of_residential_bills_add_up(chunk):
    bills = chunk.tables["invoice"].filter(pl.col("step_1_kwh").is_not_null())
    total = sum(bills[f"step_{n}_kwh"] for n in range(1, 5))

    assert bills.height
    assert ((total - bills["consumption_kwh"]).abs() < 0.01).all()


def test_lines_add_up_to_a_payable_of_whole_thousands(chunk):
    lines = chunk.tables["invoice_line"]
    payable = chunk.tables["invoice"]["payable_rial"]
    total = lines.drop("subscription_no", "invoice_no").select(pl.sum_horizontal(pl.all())).to_series()

    assert (total == payable).all()
    assert set(lines.filter(payable % 1000 != 0)["subscription_no"]) == planted(chunk, Planted.NOT_ROUNDED)
    assert (payable > 0).all()
    assert set(lines.filter(pl.col("rounding").abs() > 500)["subscription_no"]) <= planted(
        chunk, Planted.NOT_ROUNDED
    )
    assert (lines["invoice_no"] == chunk.tables["invoice"]["invoice_no"]).all()


# --- Energy -------------------------------------------------------------------------------------------------


def test_the_balance_of_every_transformer_closes(chunk):
    balance = chunk.balance
    behind = (
        chunk.tables["usage_point"]
        .select("transformer_code")
        .with_columns(used=pl.Series(chunk.used_kwh.sum(axis=1)))
    )
    used = dict(behind.drop_nulls().group_by("transformer_code").agg(pl.col("used").sum()).iter_rows())
    by_transformer = balance.group_by("transformer_code").agg(
        pl.col("used_kwh").sum(), pl.col("loss_kwh").sum()
    )
    share = balance["loss_kwh"] / balance["delivered_kwh"]

    assert ((balance["used_kwh"] + balance["loss_kwh"] - balance["delivered_kwh"]).abs() < 1e-6).all()
    assert share.min() > 0.0299
    assert share.max() < 0.0601
    for code, total, _ in by_transformer.iter_rows():
        assert total == pytest.approx(used[code], rel=1e-9)
    assert chunk.tables["transformer_energy"]["delivered_kwh"].equals(balance["delivered_kwh"])


def test_honest_bills_hold_what_was_used_to_a_unit_of_the_register(honest):
    """By another way than the generator's: the use of each month spread over its days of connection."""
    points = honest.tables["usage_point"].with_row_index("row")
    months = [*honest.balance["period_start"].unique().sort(), END]
    bounds = np.array(months, dtype="datetime64[D]")
    unread = honest.tables["invoice"].filter(pl.col("reading_quality") != "actual")["subscription_no"]
    bills = (
        honest.tables["invoice"]
        .filter(
            pl.col("period_start") >= WINDOW_START,
            ~pl.col("subscription_no").is_in(unread.unique().implode()),
        )
        .join(points, on="subscription_no", maintain_order="left")
    )
    start, end, energised = (
        bills[name].to_numpy() for name in ("period_start", "period_end", "energised_on")
    )

    def days_of_months(first, last):
        overlap = np.minimum(bounds[1:], last[:, None]) - np.maximum(bounds[:-1], first[:, None])
        return np.maximum(overlap.astype(np.int64), 0)

    connected = days_of_months(energised, np.full(len(energised), bounds[-1]))
    daily = honest.used_kwh[bills["row"].to_numpy()] / np.maximum(connected, 1)
    used = (daily * days_of_months(start, end)).sum(axis=1)

    assert bills.height > 40_000
    assert (
        np.abs(bills["consumption_kwh"].to_numpy() - used) <= bills["multiplier"].to_numpy() * 1.001
    ).all()


def test_what_thieves_take_is_missing_in_their_bills(chunk):
    theft = chunk.truth.filter(pl.col("kind").is_in([kind.value for kind in THEFT]))
    unrecorded = theft.filter(pl.col("kind") != Planted.USE_AFTER_CUT.value)

    assert (unrecorded["unrecorded_kwh"] > 0).all()
    others = chunk.truth.filter(
        ~pl.col("kind").is_in([kind.value for kind in THEFT]), pl.col("subject_kind") != "transformer"
    )
    assert (others["unrecorded_kwh"] == 0).all()


def test_bypassed_meters_stand_still_and_their_transformer_does_not(chunk):
    bypassed = chunk.truth.filter(pl.col("kind") == Planted.BYPASS_TO_ZERO.value)
    bills = chunk.tables["invoice"].join(
        bypassed, left_on="subscription_no", right_on="subject_key", how="inner"
    )
    after = bills.filter(pl.col("period_start") >= pl.col("start_date"))
    before = bills.filter(pl.col("period_end") <= pl.col("start_date"))

    assert after.group_by("subscription_no").len()["len"].min() >= 3
    assert (after["consumption_kwh"] == 0).all()
    assert before["consumption_kwh"].mean() > 100


def test_use_after_a_cut_goes_on_and_honest_cuts_stand_still(chunk):
    cut = chunk.tables["usage_point_status"].filter(
        (pl.col("kind") == "disconnected") & pl.col("valid_to").is_null()
    )
    after = (
        chunk.tables["invoice"]
        .join(cut, on="subscription_no")
        .filter(pl.col("period_start") >= pl.col("valid_from"))
    )
    used = after.group_by("subscription_no").agg(pl.col("consumption_kwh").sum())
    stealing = set(used.filter(pl.col("consumption_kwh") > 5)["subscription_no"])

    assert stealing == planted(chunk, Planted.USE_AFTER_CUT)
    assert len(used) > len(stealing)


def test_tamper_events_stand_within_three_days_before_the_drop(chunk):
    tampered = chunk.truth.filter(pl.col("kind") == Planted.TAMPER_EVENT.value)
    meters = chunk.tables["meter_installation"].select("meter_serial_no", subject_key="subscription_no")
    events = chunk.tables["end_device_event"].filter(
        pl.col("kind").is_in(["terminal_cover_removed", "meter_cover_removed", "magnetic_field"])
    )
    joined = tampered.join(meters, on="subject_key").join(events, on="meter_serial_no")
    distance = (
        joined["start_date"] - joined["occurred_at"].dt.convert_time_zone("Asia/Tehran").dt.date()
    ).dt.total_days()

    assert set(joined["subject_key"]) == set(tampered["subject_key"])
    assert distance.is_between(0, 3).all()


def test_clusters_stand_behind_their_transformer(chunk):
    clusters = chunk.truth.filter(pl.col("kind") == Planted.CLUSTER_TRANSFORMER.value)
    thieves = chunk.truth.filter(pl.col("kind") == Planted.CLUSTER_THIEF.value)

    assert set(thieves["transformer_code"]) == set(clusters["subject_key"])
    assert thieves.group_by("transformer_code").len()["len"].min() >= 8


# --- Debts --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def settled(chunk):
    paid = chunk.tables["payment_allocation"].group_by("invoice_no").agg(paid=pl.col("amount_rial").sum())
    return (
        chunk.tables["invoice"]
        .join(paid, on="invoice_no", how="left")
        .with_columns(open_rial=pl.col("payable_rial") - pl.col("paid").fill_null(0))
    )


def test_nobody_pays_more_than_the_bill_or_after_the_export(chunk, settled):
    assert (settled["open_rial"] >= 0).all()
    assert chunk.tables["payment"]["paid_on"].max() <= END
    assert (chunk.tables["payment"]["amount_rial"] > 0).all()


def test_only_planted_debtors_owe_for_long(chunk, settled):
    overdue = settled.filter((pl.col("open_rial") > 0) & (pl.col("due_on") < END - dt.timedelta(days=30)))
    agreements = (
        chunk.tables["agreement_usage_point"]
        .join(chunk.tables["supply_agreement"], on="agreement_no")
        .join(chunk.tables["customer"], on="customer_no")
    )
    government = set(agreements.filter(pl.col("sector") == "government")["subscription_no"])
    old = (
        overdue.group_by("subscription_no")
        .agg(pl.col("open_rial").sum(), oldest=pl.col("due_on").min())
        .filter((pl.col("open_rial") > 2_500_000) & (pl.col("oldest") < END - dt.timedelta(days=91)))
    )

    assert set(old["subscription_no"]) - government <= planted(chunk, Planted.DEBTOR)
    assert planted(chunk, Planted.DEBTOR) <= set(overdue["subscription_no"])


def test_government_debtors_own_several_points_and_are_no_private_debtors(chunk):
    bodies = planted(chunk, Planted.GOVERNMENT_DEBTOR)
    customers = chunk.tables["customer"].filter(pl.col("customer_no").is_in(list(bodies)))
    points = (
        chunk.tables["agreement_usage_point"]
        .join(chunk.tables["supply_agreement"], on="agreement_no")
        .filter(pl.col("customer_no").is_in(list(bodies)))
    )

    assert (customers["sector"] == "government").all()
    assert points.height > len(bodies)
    assert not set(points["subscription_no"]) & planted(chunk, Planted.DEBTOR)


# --- Truth --------------------------------------------------------------------------------------------------


def test_truth_names_existing_subjects_and_every_kind(chunk):
    known = {
        "usage_point": set(chunk.tables["usage_point"]["subscription_no"]),
        "transformer": set(chunk.tables["distribution_transformer"]["code"]),
        "customer": set(chunk.tables["customer"]["customer_no"]),
    }

    for kind, rows in chunk.truth.group_by("subject_kind"):
        assert set(rows["subject_key"]) <= known[kind[0]]
    assert set(chunk.truth["kind"]) >= {kind.value for kind in Planted} - {Planted.LOSING_TRANSFORMER.value}
    assert (chunk.truth["start_date"] < END).all()


def test_about_as_much_is_planted_as_the_shares_say(two_chunks):
    truth = pl.concat([part.truth for part in two_chunks])
    theft = truth.filter(pl.col("kind").is_in([kind.value for kind in THEFT])).height

    assert 0.020 < theft / 25_000 < 0.032


def test_a_circumstance_that_excuses_is_never_a_thiefs(chunk):
    excused = chunk.tables["usage_point_status"].filter(
        pl.col("kind").is_in(["declared_vacant", "seasonal", "generation_contract"])
    )

    assert not set(excused["subscription_no"]) & planted(chunk, *THEFT)


# --- Metering -----------------------------------------------------------------------------------------------


def of_points(chunk, table, kind):
    return chunk.tables[table].filter(pl.col("subscription_no").is_in(list(planted(chunk, kind))))


def test_whoever_tampers_with_the_active_path_leaves_the_reactive_energy(chunk):
    bills = of_points(chunk, "invoice", Planted.ACTIVE_PATH).sort("period_end")
    tangent = pl.col("reactive_kvarh") / pl.col("consumption_kwh")
    by_point = bills.group_by("subscription_no").agg(
        newest=tangent.last(), usual=tangent.slice(0, 22).median()
    )

    assert by_point.height
    assert (by_point["newest"] > 1.5 * by_point["usual"]).all()


def test_a_contract_that_was_outgrown_carries_less_than_a_bill_has(chunk):
    terms = of_points(chunk, "usage_point_term", Planted.SMALL_CONTRACT)
    bills = chunk.tables["invoice"].join(terms, on="subscription_no")
    days = (pl.col("period_end") - pl.col("period_start")).dt.total_days()
    beyond = bills.filter(pl.col("consumption_kwh") > 24 * days * pl.col("contracted_power_kw"))

    assert set(beyond["subscription_no"]) == planted(chunk, Planted.SMALL_CONTRACT)


def test_only_production_has_a_licence_and_only_planted_ones_have_expired(chunk):
    terms = chunk.tables["usage_point_term"]
    licensed = terms.filter(pl.col("licence_expires_on").is_not_null())
    expired = licensed.filter(pl.col("licence_expires_on") < END)

    assert set(licensed["tariff_class"]) == {"agricultural", "industrial"}
    assert set(expired["subscription_no"]) == planted(chunk, Planted.EXPIRED_LICENCE)


def test_export_registers_belong_to_those_who_feed_back(chunk):
    exported = chunk.tables["meter_reading"].filter(pl.col("register") == "export")

    assert set(exported["subscription_no"]) == planted(chunk, Planted.REVERSE_ENERGY)
    advanced = exported.select(pl.col("index_value").diff().over("meter_serial_no")).to_series()
    assert (advanced.drop_nulls() > 0).all()


def test_intervals_are_of_smart_meters_and_by_the_point(chunk):
    intervals = chunk.tables["interval_reading"]
    smart = chunk.tables["meter"].filter("is_smart")["serial_no"]
    phases = (
        intervals.filter(pl.col("quantity") == "voltage_v")
        .group_by("subscription_no")
        .agg(pl.col("phase").n_unique())
    )
    points = chunk.tables["usage_point"].select("subscription_no", "phase_count")

    assert set(intervals["meter_serial_no"]) <= set(smart)
    assert (
        phases.join(points, on="subscription_no").filter(pl.col("phase") != pl.col("phase_count")).is_empty()
    )
    assert intervals["started_at"].dt.date().max() < END
    lost = intervals.filter((pl.col("quantity") == "voltage_v") & (pl.col("value") < 115))
    assert set(lost["subscription_no"]) == planted(chunk, Planted.LOST_VOLTAGE)
