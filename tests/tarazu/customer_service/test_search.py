"""Customers, usage points and meters by what people know of them."""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, select, text

from tarazu import models
from tarazu.customer_service.repository import customer_fields
from tarazu.customer_service.search import (
    SEARCH_LENGTH_MAX,
    SearchError,
    SearchTerms,
    finds_customer,
    finds_meter,
    finds_usage_point,
    search_terms,
)
from tarazu.filtering import Comparison, Operator, where
from tarazu.text import search_key

# A word of each trap: Arabic letters, ZWNJ, marks of tsquery and LIKE, digits, two spaces, capitals.
NAMES = [
    "علي رضايي",
    "رضا علی‌پور",
    "شرکت  ۱۲ فروردین",
    "O'Neil & Sons",
    "a\\b 100%",
    "Żółw _x:*",
    "(شهرداری) قم!",
    "",
    None,
]


@pytest.fixture
async def known(sessions: Any) -> list[models.Customer]:
    async with sessions.write() as session:
        district = models.District(code="D")
        people = []
        for n, name in enumerate(NAMES):
            customer = models.Customer(
                customer_no=f"Cust-{n}",
                name=name,
                name_search_key=None if name is None else search_key(name),
                national_id=f"{1234567800 + n}" if n < 3 else None,
                legal_entity_id=f"{14000000000 + n}" if n == 3 else None,
            )
            agreement = models.SupplyAgreement(agreement_no=f"A{n}", customer=customer)
            point = models.UsagePoint(subscription_no=f"Sub/{n}", bill_id=f"{2000000 + n}", district=district)
            meter = models.Meter(serial_no=f"MT{n}")
            people.append(customer)
            session.add_all(
                [
                    models.AgreementUsagePoint(
                        agreement=agreement,
                        usage_point=point,
                        valid_from=dt.date(2020, 1, 1),
                        valid_to=dt.date(2021, 1, 1) if n % 2 else None,
                    ),
                    models.MeterInstallation(usage_point=point, meter=meter, valid_from=dt.date(2020, 1, 1)),
                ]
            )
    return people


def customers(search: Any) -> Any:
    return select(models.Customer).where(finds_customer(models.Customer.__table__.c, search))


def usage_points(search: Any) -> Any:
    return select(models.UsagePoint).where(finds_usage_point(models.UsagePoint.__table__.c, search))


def meters(search: Any) -> Any:
    return select(models.Meter).where(finds_meter(models.Meter.__table__.c, search))


async def found(sessions: Any, statement: Any, name: str) -> set[Any]:
    async with sessions.read() as session:
        return {getattr(row, name) for row in await session.scalars(statement)}


@pytest.mark.parametrize(
    ("search", "numbers"),
    [
        ("علی", {0, 1}),
        ("رضا", {0, 1}),
        ("رضایی علی", {0}),
        ("عل رض", {0, 1}),
        ("پور", {1}),
        ("۱۲", {2}),
        ("12 فرو", {2}),
        ("o'neil", {3}),
        ("SONS &", {3}),
        ("a\\b", {4}),
        ("100%", {4}),
        ("10%", set()),
        ("żół", {5}),
        ("_x:*", {5}),
        ("_y", set()),
        ("(شهر", {6}),
        ("شهر", set()),
        ("ردار", set()),
        ("Cust-8", {8}),
        ("Cust-۷", {7}),
        ("Cust", set()),
        ("1234567801", {1}),
        ("۱۲۳۴۵۶۷۸۰۱", {1}),
        ("14000000003", {3}),
        (" Sub/4 ", {4}),
        ("Sub", set()),
        ("2000004", {4}),
        ("mt5", {5}),
        ("' | 'علی", set()),
    ],
)
async def test_a_search_finds_customers_points_and_meters_alike(
    sessions: Any, known: Any, search: str, numbers: set[int]
) -> None:
    assert await found(sessions, customers(search), "customer_no") == {f"Cust-{n}" for n in numbers}
    assert await found(sessions, usage_points(search), "bill_id") == {f"{2000000 + n}" for n in numbers}
    assert await found(sessions, meters(search), "serial_no") == {f"MT{n}" for n in numbers}


async def test_a_number_in_capitals_is_found_however_it_is_typed(sessions: Any, known: Any) -> None:
    async with sessions.write() as session:
        await session.execute(text("UPDATE usage_point SET subscription_no = upper(subscription_no)"))
    for typed in ("sub/3", "SUB/3", "Sub/۳"):
        assert await found(sessions, usage_points(typed), "bill_id") == {"2000003"}
        assert await found(sessions, customers(typed), "customer_no") == {"Cust-3"}


async def test_a_filter_holds_beside_a_search(sessions: Any, known: Any) -> None:
    condition = Comparison("customer_no", Operator.EQ, "Cust-1")
    statement = customers("علی").where(where(condition, customer_fields(models.Customer.__table__.c)))
    assert await found(sessions, statement, "customer_no") == {"Cust-1"}


async def test_a_search_is_about_the_rows_whose_columns_it_is_given(sessions: Any, known: Any) -> None:
    other = models.Customer.__table__.alias("other")
    statement = select(other.c.customer_no).where(finds_customer(other.c, "Cust-7"))
    async with sessions.read() as session:
        assert list(await session.scalars(statement)) == ["Cust-7"]


async def test_terms_may_be_bound_later(sessions: Any, known: Any) -> None:
    bound = SearchTerms(*(bindparam(name) for name in ("key", "typed", "upper", "name_query")))
    statement = customers(bound)
    for typed, number in (("علی‌پور", "Cust-1"), ("MT6", "Cust-6")):
        terms = search_terms(typed)
        values = {name: getattr(terms, name) for name in ("key", "typed", "upper", "name_query")}
        async with sessions.read() as session:
            assert [row.customer_no for row in await session.scalars(statement, values)] == [number]


@pytest.mark.parametrize("typed", ["", " ", "a", " ۱ ", "x" * (SEARCH_LENGTH_MAX + 1)])
def test_a_search_that_is_too_short_or_long_is_refused(typed: str) -> None:
    with pytest.raises(SearchError, match="2 to 100 characters"):
        search_terms(typed)


words = st.text(st.sampled_from("ابپ رaB'\\&|!():*%_۱2-"), min_size=1, max_size=8)


@settings(deadline=None)  # on a busy machine a look-up waits
@given(st.data())
async def test_words_are_found_by_their_beginnings_in_any_order(searched: Any, data: Any) -> None:
    names, ask = searched
    typed = data.draw(words) if data.draw(st.booleans()) else data.draw(st.sampled_from(names))[:8]
    key = search_key(typed)
    if len(key) < 2:
        return
    expected = {
        n
        for n, name in enumerate(names)
        if all(any(word.startswith(part) for word in search_key(name).split()) for part in key.split())
    }
    assert await ask(typed) == expected


@pytest.fixture(scope="session")
async def searched(database_server: Any, template_database: str, settings_for: Any) -> Any:
    """A database of a few hundred random names, and a question to it."""
    import uuid

    from tarazu.database import Sessions, create_engine

    chance = random.Random(1)
    names = ["".join(chance.choices("ابپ رaB'\\&|!():*%_۱2- ", k=chance.randint(1, 14))) for _ in range(300)]
    name = f"search_{uuid.uuid4().hex}"
    server = create_engine(settings_for("postgres", database_url=database_server.uri()))
    async with server.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text(f"CREATE DATABASE {name} TEMPLATE {template_database}"))
        engine = create_engine(settings_for(name))
        sessions = Sessions(engine)
        async with sessions.write() as session:
            session.add_all(
                models.Customer(customer_no=f"#{n}", name=name, name_search_key=search_key(name))
                for n, name in enumerate(names)
            )

        async def ask(typed: str) -> set[int]:
            numbers = await found(sessions, customers(typed), "customer_no")
            return {int(number.removeprefix("#")) for number in numbers}

        yield names, ask
        await engine.dispose()
        await connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    await server.dispose()


async def test_a_name_of_any_length_can_be_kept(sessions: Any) -> None:
    async with sessions.write() as session:
        session.add(models.Customer(customer_no="long", name="ش" * 100_000, name_search_key="ش" * 100_000))
    assert await found(sessions, customers("شش"), "customer_no") == {"long"}
