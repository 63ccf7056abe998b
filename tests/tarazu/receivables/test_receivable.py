"""What the database keeps of each invoice's payments, whatever writes to invoices and allocations."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from tarazu.receivables.repository import UnexplainedReceivable, unexplained_receivables

KEPT = """
SELECT invoice_id, usage_point_id, agreement_id, owed_from, due_on, period_end, payable_rial, paid_rial
FROM receivable ORDER BY 1
"""
COMPUTED = """
SELECT id, usage_point_id, agreement_id, coalesce(issued_on, period_end), due_on, period_end,
    coalesce(payable_rial, 0),
    coalesce((SELECT sum(amount_rial) FROM payment_allocation a WHERE a.invoice_id = i.id), 0)
FROM invoice i ORDER BY 1
"""


class Writer:
    """Statements of many rows at random on a company's invoices and allocations."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._number = 1_000

    def statement(self) -> str:
        return self._chance.choice(
            [
                self._insert_invoices,
                self._change_invoices,
                self._delete_invoices,
                self._allocate,
                self._allocate_again,
                self._change_amounts,
                self._move,
                self._delete_allocations,
                self._release_payment,
            ]
        )()

    def _some(self, table: str) -> str:
        seed, share = self._chance.randint(0, 99), self._chance.choice([0, 5, 20, 60])
        return f"SELECT id FROM {table} WHERE (id * 7919 + {seed}) % 100 < {share}"

    def _insert_invoices(self) -> str:
        self._number += 10
        return f"""
            INSERT INTO invoice (usage_point_id, invoice_no, period_start, period_end, issued_on, consumption_kwh,
                payable_rial)
            SELECT 1 + n % 12, 'N' || n, '2025-01-01', '2025-02-01', CASE WHEN n % 2 = 0 THEN date '2025-02-03' END, 5,
                CASE WHEN n % 3 > 0 THEN 1000 * n END
            FROM generate_series({self._number}, {self._number + self._chance.randint(-1, 4)}) AS n"""

    def _change_invoices(self) -> str:
        change = self._chance.choice(
            [
                "payable_rial = NULL",
                "payable_rial = coalesce(payable_rial, 0) + 11",
                "due_on = period_end + 3, issued_on = NULL",
                "agreement_id = 1 + id % 8",
                "usage_point_id = 1 + id % 12, invoice_no = 'M' || id",
                "period_end = period_end + 1",
                "consumption_kwh = consumption_kwh + 1",
            ]
        )
        return f"UPDATE invoice SET {change} WHERE id IN ({self._some('invoice')})"

    def _delete_invoices(self) -> str:
        return (
            f"DELETE FROM invoice WHERE id IN ({self._some('invoice')}) AND id % 3 = 0 "
            "AND id NOT IN (SELECT invoice_id FROM payment_allocation)"
        )

    def _allocate(self) -> str:
        return f"""
            INSERT INTO payment_allocation (payment_id, invoice_id, amount_rial)
            SELECT p.id, i.id, 1 + (p.id * i.id) % 900 FROM payment p, invoice i
            WHERE p.id IN ({self._some("payment")}) AND i.id IN ({self._some("invoice")}) AND (p.id + i.id) % 5 = 0
            ON CONFLICT (payment_id, invoice_id) DO NOTHING"""

    def _allocate_again(self) -> str:
        return self._allocate().replace(
            "DO NOTHING",
            "DO UPDATE SET amount_rial = excluded.amount_rial + 3 WHERE payment_allocation.amount_rial % 2 = 0",
        )

    def _change_amounts(self) -> str:
        return (
            "UPDATE payment_allocation SET amount_rial = 1 + amount_rial * 2 % 5000 "
            f"WHERE id IN ({self._some('payment_allocation')})"
        )

    def _move(self) -> str:
        """Allocations to another invoice that the payment has none of yet; some with another amount."""
        return f"""
            UPDATE payment_allocation a SET invoice_id = n.id, amount_rial = a.amount_rial + a.id % 2
            FROM (SELECT DISTINCT ON (a.payment_id) a.id AS moved, i.id FROM payment_allocation a, invoice i
                WHERE NOT EXISTS (SELECT FROM payment_allocation o
                    WHERE o.payment_id = a.payment_id AND o.invoice_id = i.id)
                AND a.id IN ({self._some("payment_allocation")}) ORDER BY a.payment_id, i.id DESC) AS n
            WHERE a.id = n.moved"""

    def _delete_allocations(self) -> str:
        return f"DELETE FROM payment_allocation WHERE id IN ({self._some('payment_allocation')})"

    def _release_payment(self) -> str:
        return f"DELETE FROM payment_allocation WHERE payment_id IN ({self._some('payment')})"


@pytest.mark.parametrize("seed", range(2))
async def test_it_equals_what_is_computed_after_any_statements(
    sessions: Any, company_of: Any, engine: Any, seed: int
) -> None:
    await company_of(seed)
    writer = Writer(random.Random(seed))
    changed = 0
    for _ in range(150):
        async with engine.begin() as connection:
            changed += (await connection.execute(text(writer.statement()))).rowcount
        async with engine.connect() as connection:
            kept = (await connection.execute(text(KEPT))).all()
            assert kept == (await connection.execute(text(COMPUTED))).all()
    assert changed > 500
    async with sessions.read() as session:
        assert await unexplained_receivables(session) == []


async def test_a_statement_that_is_undone_leaves_nothing(company_of: Any, engine: Any) -> None:
    await company_of(1)
    async with engine.connect() as connection:
        before = (await connection.execute(text(KEPT))).all()
        await connection.execute(text("UPDATE payment_allocation SET amount_rial = amount_rial + 1"))
        assert (await connection.execute(text(KEPT))).all() != before
        await connection.rollback()
        assert (await connection.execute(text(KEPT))).all() == before


@pytest.mark.parametrize("statement", ["TRUNCATE payment_allocation", "TRUNCATE payment CASCADE"])
async def test_allocations_that_are_all_thrown_away_pay_nothing(
    company_of: Any, engine: Any, statement: str
) -> None:
    await company_of(1)
    async with engine.begin() as connection:
        await connection.execute(text(statement))
    async with engine.connect() as connection:
        kept = (await connection.execute(text(KEPT))).all()
        assert kept == (await connection.execute(text(COMPUTED))).all()
        assert {row.paid_rial for row in kept} == {0}


async def test_a_receivable_that_was_tampered_with_is_found(
    sessions: Any, company_of: Any, engine: Any
) -> None:
    made = await company_of(1)
    paid = {invoice.id: made.paid(invoice) for invoice in made.invoices}
    wrong = sorted(paid)[3:5]
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE receivable SET paid_rial = paid_rial + 7 WHERE invoice_id = ANY(:ids)"),
            {"ids": wrong},
        )
    async with sessions.read() as session:
        assert await unexplained_receivables(session) == [
            UnexplainedReceivable(number, paid[number] + 7, paid[number]) for number in wrong
        ]
        assert len(await unexplained_receivables(session, limit=1)) == 1


async def test_what_was_paid_cannot_fall_below_nothing(company_of: Any, engine: Any) -> None:
    await company_of(1)
    with pytest.raises(IntegrityError, match="ck_receivable_paid"):
        async with engine.begin() as connection:
            await connection.execute(text("UPDATE receivable SET paid_rial = -1"))


@pytest.mark.parametrize("isolation", ["READ COMMITTED", "REPEATABLE READ"])
async def test_payments_at_the_same_time_lose_nothing_and_do_not_lock_each_other_out(
    sessions: Any, company_of: Any, engine: Any, isolation: str
) -> None:
    """Each transaction allocates to the same invoices, the rows of its statement in an order of its own."""
    made = await company_of(3)
    invoices = [invoice.id for invoice in made.invoices[:8]]
    payments = [payment.id for payment in made.payments]
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM payment_allocation"))
    refused = 0

    async def pay(payment: int) -> None:
        nonlocal refused
        order = random.Random(payment).sample(invoices, len(invoices))
        values = ", ".join(f"({payment}, {invoice}, {payment})" for invoice in order)
        for _ in range(100):
            try:
                async with engine.connect() as connection:
                    await connection.execution_options(isolation_level=isolation)
                    await connection.execute(
                        text(
                            f"INSERT INTO payment_allocation (payment_id, invoice_id, amount_rial) VALUES {values}"
                        )
                    )
                    await connection.commit()
            except DBAPIError as error:
                # A stricter isolation refuses instead of losing; nothing ever waits in a circle.
                if isolation == "READ COMMITTED" or "could not serialize" not in str(error):
                    raise
                refused += 1
            else:
                return
        raise AssertionError("refused for ever")

    await asyncio.gather(*(pay(payment) for payment in payments[:24]))
    assert isolation == "REPEATABLE READ" or refused == 0
    async with sessions.read() as session:
        assert await unexplained_receivables(session) == []
        total = await session.scalar(text("SELECT sum(paid_rial) FROM receivable"))
    assert total == len(invoices) * sum(payments[:24])


async def test_a_payment_marks_its_bucket_of_the_lake_once(company_of: Any, engine: Any) -> None:
    made = await company_of(4)
    allocation = made.allocations[0]
    bucket = next(p.bucket_class for p in made.points if p.id == allocation.invoice.usage_point_id)
    async with engine.begin() as connection:
        before = dict((await connection.execute(text("SELECT bucket_class, version FROM lake_change"))).all())
        await connection.execute(
            text("UPDATE payment_allocation SET amount_rial = amount_rial + 1 WHERE id = :id"),
            {"id": allocation.id},
        )
        after = dict((await connection.execute(text("SELECT bucket_class, version FROM lake_change"))).all())
    assert {name for name in after if after[name] != before[name]} == {bucket}
    assert max(after.values()) == max(before.values()) + 1


async def test_an_upgrade_counts_what_was_paid_before(
    database: Any, company_of: Any, engine: Any, sessions: Any
) -> None:
    from migrations.runner import downgrade, upgrade

    made = await company_of(2)
    await downgrade(database, "0002")
    await upgrade(database)
    async with engine.connect() as connection:
        kept = (await connection.execute(text(KEPT))).all()
        assert kept == (await connection.execute(text(COMPUTED))).all()
    assert sum(row.paid_rial for row in kept) == sum(a.amount_rial for a in made.allocations)
    assert isinstance(kept[0].owed_from, dt.date)
