from __future__ import annotations

import datetime as dt
import uuid

import pytest
from sqlalchemy import select, text

from tarazu import models
from tarazu.customer_service.tip_offs import Reporter, record_tip_off, reporter_of
from tarazu.database import Sessions, create_engine
from tarazu.errors import InputError, NotFoundError
from tarazu.models.enums import Sector, TipOffChannel
from tarazu.security.audit import AuditUnavailableError, AuditWriter
from tarazu.security.encryption import Cipher, DecryptionError, EncryptionKey
from tarazu.security.permissions import Role
from tarazu.security.principal import ForbiddenError, PrincipalKind, RowScope
from tarazu.security.principals import principal_of

# Of nobody.
REPORTER = Reporter(name="گزارش‌دهنده نمونه Whistle", phone="+989387716534")
CIPHER = Cipher([EncryptionKey(bytes(range(32)))])
MANAGER = principal_of(PrincipalKind.USER, "1", "رئیس", Role.OFFICE_MANAGER)


@pytest.fixture
async def point(sessions) -> models.UsagePoint:
    async with sessions.write() as session:
        row = models.UsagePoint(subscription_no="S1", district=models.District(code="21"))
        session.add(row)
        await session.flush()
    return row


async def record(sessions, by=MANAGER, **given):
    async with sessions.write() as session:
        return await record_tip_off(
            session,
            CIPHER,
            by,
            **{
                "received_on": dt.date(2025, 3, 1),
                "text": "قلاب روی خط",
                "channel": TipOffChannel.TELEPHONE,
                "reporter": REPORTER,
                **given,
            },
        )


async def ask(sessions, row, by=MANAGER, cipher=CIPHER):
    async with AuditWriter(sessions) as audit, sessions.read() as session:
        return await reporter_of(session, cipher, audit, by, row.id, request_id="request-1")


async def test_the_reporter_is_told_to_whom_may_know_and_written_down(sessions):
    row = await record(sessions)
    assert await ask(sessions, row) == REPORTER
    async with sessions.read() as session:
        event = await session.scalar(
            select(models.AuditEvent).where(models.AuditEvent.action == "sensitive_read")
        )
    assert (event.principal_id, event.subject_type, event.subject_id) == ("user:1", "tip_off", str(row.id))
    assert event.details == {"fields": ["reporter"]}


async def test_nothing_in_the_database_tells_who_reported(sessions):
    row = await record(sessions)
    await ask(sessions, row)
    async with sessions.read() as session:
        tables = await session.scalars(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        dump = ""
        for table in tables:
            dump += (
                await session.scalar(text(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" AS t'))
            ) or ""
    assert "قلاب روی خط" in dump
    for secret in (REPORTER.name, "Whistle", REPORTER.phone, REPORTER.phone[3:]):
        assert secret not in dump
        assert secret.encode().hex() not in dump
    assert REPORTER.phone not in repr(REPORTER)


async def test_no_other_role_learns_of_the_reporter(sessions):
    row = await record(sessions)
    for role in set(Role) - {Role.OFFICE_MANAGER}:
        with pytest.raises(ForbiddenError):
            await ask(sessions, row, principal_of(PrincipalKind.TOKEN, "2", "x", role))


async def test_who_may_not_record_is_refused(sessions):
    for role in (Role.COLLECTION_OFFICER, Role.INSPECTOR, Role.AUDITOR, Role.APPLICATION):
        with pytest.raises(ForbiddenError):
            await record(sessions, principal_of(PrincipalKind.TOKEN, "2", "x", role))


async def test_outside_the_scope_there_is_no_tip_off(sessions, point):
    here, nowhere = await record(sessions, usage_point_id=point.id), await record(sessions)

    def limited(scope):
        return principal_of(PrincipalKind.USER, "3", "x", Role.OFFICE_MANAGER, scope)

    inside = limited(RowScope(district_ids=frozenset({point.district_id})))
    assert await ask(sessions, here, inside) == REPORTER
    for scope in (
        RowScope(district_ids=frozenset({point.district_id + 1})),
        RowScope(district_ids=frozenset()),
        RowScope(sectors=frozenset({Sector.PRIVATE})),
    ):
        with pytest.raises(NotFoundError):
            await ask(sessions, here, limited(scope))
    # A tip-off without a place may be of any district.
    with pytest.raises(NotFoundError):
        await ask(sessions, nowhere, inside)
    with pytest.raises(NotFoundError):
        await ask(sessions, models.TipOff(id=uuid.uuid4()))


async def test_a_tip_off_of_nobody_has_no_reporter(sessions):
    for reporter in (None, Reporter(), Reporter(name="")):
        row = await record(sessions, reporter=reporter)
        assert row.reporter_ciphertext is None
        assert await ask(sessions, row) is None


async def test_a_ciphertext_that_was_moved_to_another_row_does_not_open(sessions):
    first, second = await record(sessions), await record(sessions, reporter=Reporter(name="x"))
    async with sessions.write() as session:
        await session.execute(
            text(
                "UPDATE tip_off SET reporter_ciphertext = (SELECT reporter_ciphertext FROM tip_off WHERE id = :a) "
                "WHERE id = :b"
            ),
            {"a": first.id, "b": second.id},
        )
    with pytest.raises(DecryptionError):
        await ask(sessions, second)


async def test_without_the_audit_log_the_reporter_is_not_told(sessions, database):
    row = await record(sessions)
    away = database.model_copy(
        update={"database_url": type(database.database_url)("postgresql://a:b@127.0.0.1:9/x")}
    )
    engine = create_engine(away)
    async with AuditWriter(Sessions(engine)) as audit, sessions.read() as session:
        with pytest.raises(AuditUnavailableError):
            await reporter_of(session, CIPHER, audit, MANAGER, row.id)
    await engine.dispose()


async def test_numbers_are_given_in_turn(sessions):
    assert [(await record(sessions)).tip_off_no for _ in range(3)] == [1, 2, 3]


async def test_a_malformed_tip_off_is_refused(sessions):
    for given in [
        {"text": " "},
        {"text": "a\0"},
        {"text": "x" * 10_001},
        {"reporter": Reporter(name="n" * 201)},
    ]:
        with pytest.raises(InputError):
            await record(sessions, **given)
