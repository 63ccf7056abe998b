"""Signals of collection against their definitions, one point at a time."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings

from rules.batch import NO_DAY, CustomerBatch
from rules.signals import all_signals
from rules.testing.points import Bill, Point


def overdue(point: Point, as_of: int) -> list[Bill]:
    return [
        bill
        for bill in point.bills
        if bill.outstanding_rial > 0 and bill.due_on != NO_DAY and bill.due_on < as_of
    ]


def test_unallocated_payments_grow_old(agrees):
    def definition(point, batch):
        if not point.unallocated_rial or point.unallocated_since > batch.as_of:
            return None
        return {
            "rial": point.unallocated_rial,
            "days": batch.as_of - point.unallocated_since,
            "since": point.unallocated_since,
            "until": batch.as_of,
        }

    agrees("unallocated_payment", definition)


def test_an_instalment_plan_is_overdue_by_its_oldest_unpaid_part(agrees):
    def definition(point, batch):
        if not point.instalment_rial or point.instalment_due_on == NO_DAY:
            return None
        return {
            "unpaid_rial": point.instalment_rial,
            "overdue_days": batch.as_of - point.instalment_due_on,
            "since": point.instalment_due_on,
            "until": batch.as_of,
        }

    agrees("instalment_plan", definition)


def test_the_next_step_of_collection_waits_its_days(agrees, ordered, site):
    waits = {
        -1: site.collection_step_days[0],
        0: site.collection_step_days[1],
        1: site.collection_step_days[2],
    }

    def definition(point, batch):
        due = overdue(point, batch.as_of)
        bills = ordered(point)
        if not due:
            return None
        # As `disconnectable_debt`: of bills with the same last day the first one is the newest.
        newest = max(bills, key=lambda bill: bill.period_end)
        older = [b for b in bills if b.outstanding_rial > 0 and b.period_start < newest.period_start]
        if not older:
            return None
        oldest = min(bill.due_on for bill in due)
        counts = point.step_on != NO_DAY and oldest <= point.step_on <= batch.as_of
        step = point.step_kind if counts else -1
        if step == 2:
            return None
        base = point.step_on if counts else oldest
        return {
            "late_days": batch.as_of - base - waits[step],
            "next_step": step + 2,
            "debt_rial": sum(bill.outstanding_rial for bill in older),
            "since": base,
            "until": batch.as_of,
        }

    agrees("collection_ladder", definition, examples=200)


def test_removal_is_near_by_the_debt_or_by_the_days_of_the_cut(agrees, site):
    def definition(point, batch):
        owed = sum(max(bill.outstanding_rial, 0) for bill in point.bills)
        cut = point.disconnected_on != NO_DAY and point.disconnected_on <= batch.as_of
        if not owed and not cut:
            return None
        days = batch.as_of - point.disconnected_on if cut else 0
        by_debt = owed / site.connection_cost_rial[point.tariff_class] * 100
        by_cut = days / 365 * 100
        return {
            "progress_percent": max(by_debt, by_cut),
            "debt_percent": by_debt,
            "cut_percent": by_cut,
            "outstanding_rial": owed,
            "cut_days": days,
        }

    agrees("removal_ground", definition)


def test_a_reconnection_is_judged_by_what_was_due_before_it(agrees, ordered):
    def definition(point, batch):
        if point.reconnected_on == NO_DAY:
            return None
        rows = [
            bill
            for bill in ordered(point)
            if bill.outstanding_rial > 0 and NO_DAY < bill.due_on < point.reconnected_on
        ]
        if not rows:
            return None
        return {
            "debt_rial": sum(bill.outstanding_rial for bill in rows),
            "bills": len(rows),
            "days": batch.as_of - point.reconnected_on,
            "since": point.reconnected_on,
            "until": batch.as_of,
            "invoice_id": min(rows, key=lambda bill: bill.due_on).invoice_id,
        }

    agrees("reconnected_with_debt", definition)


def test_debt_elsewhere_leaves_out_the_points_own(cases):
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(cases)
    def agree(case):
        batch, debts = case.batch, case.batch.debts
        values = all_signals()["debt_elsewhere"].kernel(batch)
        for row, point in enumerate(case.points):
            own = overdue(point, batch.as_of)
            mine = sum(bill.outstanding_rial for bill in own)
            party = {} if debts is None else dict(zip(debts.party_id.tolist(), range(4), strict=False))
            at = party.get(int(batch.party_id[row]))
            elsewhere = 0 if at is None else int(debts.overdue_rial[at]) - mine
            assert bool(values.present[row]) == (elsewhere > 0)
            if elsewhere > 0:
                assert values.fields["overdue_rial"][row] == elsewhere
                assert values.fields["points"][row] == debts.points[at] - bool(own)
                assert values.fields["oldest_days"][row] == batch.as_of - debts.oldest_due[at]

    agree()


def test_debt_share_is_of_all_overdue_debt(site):
    batch = CustomerBatch(
        customer_id=np.array([1, 2, 3]),
        customer_no=["1", "2", "3"],
        district_id=np.array([1, 1, 1]),
        points=np.array([1, 2, 0]),
        outstanding_rial=np.array([10, 40, 0]),
        overdue_rial=np.array([10, 30, 0]),
        oldest_due=np.array([100, 200, NO_DAY], np.int32),
        is_government=np.array([False, True, False]),
        all_overdue_rial=40,
        as_of=300,
        site=site,
    )
    values = all_signals()["debt_share"].kernel(batch)

    assert values.present.tolist() == [True, True, False]
    assert values.fields["share_percent"][:2].tolist() == [25.0, 75.0]
    # Only government bodies have the other signal of customers.
    assert all_signals()["government_debt"].kernel(batch).present.tolist() == [False, True, False]
