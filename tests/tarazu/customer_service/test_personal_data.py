"""A person's data are shown whole, and made unknown without a trace in any table."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import select, text

from tarazu import models
from tarazu.customer_service.personal_data import export_person, pseudonymise_person
from tarazu.errors import NotFoundError
from tarazu.models.enums import RunState
from tarazu.security.principals import local_operator

CANARIES = ("نام قناری", "7731689951", "+989120000077", "کوچه قناری")


@pytest.fixture
async def person(sessions: Any) -> None:
    """C1 is supplied at S1 alone, and was at S2 before C2 came; a refused row holds the national id."""
    name, national_id, mobile, address = CANARIES
    async with sessions.write() as session:
        district = models.District(code="D1")
        points = [
            models.UsagePoint(subscription_no=f"S{n}", district=district, address=address) for n in (1, 2)
        ]
        customers = [
            models.Customer(
                customer_no="C1", name=name, name_search_key=name, national_id=national_id, mobile=mobile
            ),
            models.Customer(customer_no="C2", name="other", name_search_key="other"),
        ]
        agreements = [
            models.SupplyAgreement(agreement_no=each.customer_no, customer=each) for each in customers
        ]
        first, then = dt.date(2020, 1, 1), dt.date(2024, 1, 1)
        supplies = [
            models.AgreementUsagePoint(agreement=agreements[0], usage_point=points[0], valid_from=first),
            models.AgreementUsagePoint(
                agreement=agreements[0], usage_point=points[1], valid_from=first, valid_to=then
            ),
            models.AgreementUsagePoint(agreement=agreements[1], usage_point=points[1], valid_from=then),
        ]
        payments = [
            models.Payment(payment_no=f"P{n}", usage_point=points[1], paid_on=day, amount_rial=n)
            for n, day in ((1, dt.date(2023, 5, 1)), (2, dt.date(2024, 5, 1)))
        ]
        run = models.ImportRun(mapping="m", sources=[], state=RunState.SUCCEEDED)
        for row in (*points, *customers, *agreements, *supplies, *payments, run):
            session.add(row)
        await session.flush()
        for number, raw in ((1, {"id": national_id}), (2, {"id": "another"})):
            session.add(
                models.QuarantinedRow(
                    fingerprint=f"00000000-0000-0000-0000-00000000000{number}",
                    import_run_id=run.id,
                    mapping="m",
                    file="f",
                    row_number=number,
                    entity="customer",
                    reason="check_digit",
                    value=raw["id"],
                    raw=raw,
                )
            )


async def test_an_export_holds_what_is_the_persons_and_nothing_of_who_came_after(
    sessions: Any, person: None
) -> None:
    async with sessions.write() as session:
        exported = await export_person(session, local_operator(), "C1")
    assert exported["customer"]["national_id"] == CANARIES[1]
    assert [point["subscription_no"] for point in exported["usage_points"]] == ["S1", "S2"]
    assert [payment["payment_no"] for payment in exported["payments"]] == ["P1"]
    async with sessions.read() as session:
        (event,) = await session.scalars(select(models.AuditEvent))
    assert (event.action, event.details) == ("sensitive_read", {"fields": ["everything"]})


async def test_after_it_nothing_in_any_table_tells_who_it_was(sessions: Any, person: None) -> None:
    async with sessions.write() as session:
        done = await pseudonymise_person(session, local_operator(), "C1")
    assert (done.usage_points, done.quarantined_rows) == (1, 1)
    async with sessions.read() as session:
        for table in models.Base.metadata.sorted_tables:
            rows = (await session.execute(text(f'SELECT t::text FROM "{table.name}" t'))).scalars().all()
            for canary in CANARIES[:3]:
                assert not any(canary in row for row in rows), table.name
        points = (
            await session.execute(select(models.UsagePoint.subscription_no, models.UsagePoint.address))
        ).all()
        assert dict(tuple(point) for point in points) == {"S1": None, "S2": CANARIES[3]}, (
            "S2 is another's now"
        )
        name, key = (
            await session.execute(
                select(models.Customer.name, models.Customer.name_search_key).where(
                    models.Customer.customer_no == "C1"
                )
            )
        ).one()
        assert name == key == done.pseudonym
        kept = await session.scalars(select(models.QuarantinedRow.raw).order_by(models.QuarantinedRow.id))
        assert list(kept) == [{}, {"id": "another"}]


async def test_it_may_be_done_again(sessions: Any, person: None) -> None:
    for expected in ((1, 1), (0, 0)):
        async with sessions.write() as session:
            done = await pseudonymise_person(session, local_operator(), "C1")
        assert (done.usage_points, done.quarantined_rows) == expected


async def test_a_customer_that_is_not_there_is_told(sessions: Any) -> None:
    async with sessions.write() as session:
        for work in (export_person, pseudonymise_person):
            with pytest.raises(NotFoundError, match="There is no customer"):
                await work(session, local_operator(), "C9")
