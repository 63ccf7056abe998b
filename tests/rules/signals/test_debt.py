from __future__ import annotations

import datetime as dt

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.batch import NO_DAY, CustomerBatch
from rules.signals import all_signals


def test_overdue_debt_ages_from_the_oldest_unpaid_due_date(agrees, ordered):
    def definition(point, batch):
        owed = [bill for bill in ordered(point) if bill.outstanding_rial > 0]
        overdue = [bill for bill in owed if bill.due_on != NO_DAY and bill.due_on < batch.as_of]
        if not overdue:
            return None
        oldest = min(overdue, key=lambda bill: bill.due_on)
        return {
            "overdue_rial": sum(bill.outstanding_rial for bill in overdue),
            "outstanding_rial": sum(bill.outstanding_rial for bill in owed),
            "oldest_days": batch.as_of - oldest.due_on,
            "bills": len(overdue),
            "since": oldest.due_on,
            "until": batch.as_of,
            "invoice_id": oldest.invoice_id,
        }

    agrees("overdue_debt", definition)


def test_disconnectable_debt_leaves_the_newest_bill_out(agrees, ordered):
    def definition(point, batch):
        bills = ordered(point)
        if not bills:
            return None
        newest = max(bills, key=lambda bill: bill.period_end)
        older = [b for b in bills if b.outstanding_rial > 0 and b.period_start < newest.period_start]
        if not older:
            return None
        oldest = min(older, key=lambda bill: bill.period_start)
        return {
            "debt_rial": sum(bill.outstanding_rial for bill in older),
            "unpaid_periods": len(older),
            "since": oldest.period_start,
            "until": newest.period_start,
            "invoice_id": oldest.invoice_id,
        }

    agrees("disconnectable_debt", definition)


@given(
    st.lists(
        st.tuples(st.integers(0, 10**12), st.integers(0, 400), st.integers(1, 30)), min_size=1, max_size=5
    )
)
def test_government_debt_is_present_where_something_is_overdue(site, bodies):
    as_of = (dt.date(2025, 12, 20) - dt.date(1970, 1, 1)).days
    overdue, age, points = (np.array(column) for column in zip(*bodies, strict=True))
    batch = CustomerBatch(
        customer_id=np.arange(len(bodies)),
        customer_no=[str(i) for i in range(len(bodies))],
        district_id=np.ones(len(bodies), np.int64),
        points=points,
        outstanding_rial=overdue + 5,
        overdue_rial=overdue,
        oldest_due=np.where(overdue > 0, as_of - age, NO_DAY).astype(np.int32),
        is_government=np.ones(len(bodies), bool),
        all_overdue_rial=int(overdue.sum()),
        as_of=as_of,
        site=site,
    )
    values = all_signals()["government_debt"].kernel(batch)
    assert values.present.tolist() == (overdue > 0).tolist()
    for row in np.flatnonzero(values.present):
        found = {name: int(column[row]) for name, column in values.fields.items()}
        assert found == {
            "overdue_rial": overdue[row],
            "outstanding_rial": overdue[row] + 5,
            "oldest_days": age[row],
            "points": points[row],
            "since": as_of - age[row],
            "until": as_of,
        }
