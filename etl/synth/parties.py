"""Customers and their agreements: persons, companies, and government bodies with many points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from etl.synth import names, numbers
from etl.synth.kinds import Circumstance
from etl.synth.network import Layout
from etl.synth.population import AGRICULTURAL, INDUSTRIAL, OTHER, Population
from etl.synth.window import BoolArray, IntArray, Window
from tarazu.models.enums import CustomerKind, Sector

_CUSTOMER: Final = 500_000_000
_NEW_OCCUPANT: Final = 600_000_000
_GOVERNMENT: Final = 800_000_000
_AGREEMENT_OFFSET: Final = 1_000_000_000  # agreement numbers have ten digits, customer numbers nine
_POINTS_PER_BODY: Final = 5
# Persons who own the next point too: a home and a shop.
_SECOND_POINT_SHARE: Final = 0.03


@dataclass(frozen=True, slots=True)
class Parties:
    """`customer` and `agreement` are the numbers of each point's first ones, (points,); `body` is the government
    body within the chunk or -1; `next_agreement` is that of a new occupant or -1.
    """

    customer: IntArray
    agreement: IntArray
    body: IntArray
    next_agreement: IntArray
    critical: BoolArray
    frames: dict[str, pl.DataFrame]


def _pick(words: tuple[str, ...], count: int, rng: np.random.Generator) -> pl.Series:
    return pl.Series(words).gather(pl.Series(rng.integers(0, len(words), count)))


def settle(layout: Layout, people: Population, window: Window, rng: np.random.Generator) -> Parties:
    points = people.points
    number = layout.first_point + np.arange(points)
    government = people.government
    bodies = max(1, int(government.sum()) // _POINTS_PER_BODY)
    body = np.where(government, rng.integers(0, bodies, points), -1)
    kind_of_body = rng.integers(0, len(names.BODIES), bodies)

    legal = ~government & (people.demand | ((people.tariff == INDUSTRIAL) & (rng.random(points) < 0.6)))
    person = ~government & ~legal & (people.tariff != AGRICULTURAL)
    second = person[1:] & person[:-1] & (rng.random(points - 1) < _SECOND_POINT_SHARE)
    second[1:] &= ~second[:-1]
    owner = np.arange(points)
    owner[1:] -= second
    customer = np.where(
        government, _GOVERNMENT + layout.chunk * 10_000 + body, _CUSTOMER + layout.first_point + owner
    )
    agreement = _AGREEMENT_OFFSET + np.where(government, customer, _CUSTOMER + number)

    moved = people.has(Circumstance.NEW_OCCUPANT)
    next_customer = np.where(moved, _NEW_OCCUPANT + number, -1)
    next_agreement = np.where(moved, next_customer + _AGREEMENT_OFFSET, -1)

    firsts = np.flatnonzero(~government & (owner == np.arange(points)))
    moves = np.flatnonzero(moved)
    customers = pl.concat(
        [
            _private(customer[firsts], number[firsts], legal[firsts], people.tariff[firsts], rng),
            _private(
                next_customer[moves], number[moves] + 5_000_000, legal[moves], people.tariff[moves], rng
            ),
            _government(layout, np.unique(body[government]), kind_of_body),
        ]
    )
    return Parties(
        customer=customer,
        agreement=agreement,
        body=body,
        next_agreement=next_agreement,
        critical=government & np.isin(kind_of_body[body], names.CRITICAL_BODIES),
        frames={
            "customer": customers,
            **_agreements(layout, people, window, customer, agreement, next_customer, next_agreement),
        },
    )


def _private(
    customer: IntArray, number: IntArray, legal: BoolArray, tariff: IntArray, rng: np.random.Generator
) -> pl.DataFrame:
    count, is_legal = len(customer), pl.Series(legal)
    named = {
        "person": _pick(names.FIRST_NAMES, count, rng) + " " + _pick(names.SURNAMES, count, rng),
        "shop": _pick(names.SHOPS, count, rng) + " " + _pick(names.PLACES, count, rng),
        "works": _pick(names.WORKS, count, rng) + " " + _pick(names.PLACES, count, rng),
    }
    shop = pl.Series((tariff == OTHER) & (rng.random(count) < 0.4))
    return pl.DataFrame(named).select(
        customer_no=numbers.text(customer),
        kind=pl.when(is_legal)
        .then(pl.lit(CustomerKind.LEGAL_ENTITY.value))
        .otherwise(pl.lit(CustomerKind.PERSON.value)),
        sector=pl.lit(Sector.PRIVATE.value),
        name=pl.when(is_legal).then("works").when(shop).then("shop").otherwise("person"),
        national_id=pl.when(~is_legal).then(numbers.text(numbers.national_ids(number))),
        legal_entity_id=pl.when(is_legal).then(numbers.text(numbers.legal_entity_ids(number))),
        mobile=numbers.mobiles(number),
    )


def _government(layout: Layout, body: IntArray, kind_of_body: IntArray) -> pl.DataFrame:
    number = pl.Series(layout.chunk * 1000 + body + 1)
    name = pl.Series(names.BODIES).gather(pl.Series(kind_of_body[body]))
    serial = 8_000_000 + layout.chunk * 10_000 + body
    return pl.DataFrame(
        {
            "customer_no": numbers.text(_GOVERNMENT + layout.chunk * 10_000 + body),
            "kind": pl.repeat(CustomerKind.LEGAL_ENTITY.value, len(body), eager=True, dtype=pl.String),
            "sector": pl.repeat(Sector.GOVERNMENT.value, len(body), eager=True, dtype=pl.String),
            "name": name + " واحد " + number.cast(pl.String),
            "national_id": pl.repeat(None, len(body), eager=True, dtype=pl.String),
            "legal_entity_id": numbers.text(numbers.legal_entity_ids(serial)),
            "mobile": pl.repeat(None, len(body), eager=True, dtype=pl.String),
        }
    )


def _agreements(
    layout: Layout,
    people: Population,
    window: Window,
    customer: IntArray,
    agreement: IntArray,
    next_customer: IntArray,
    next_agreement: IntArray,
) -> dict[str, pl.DataFrame]:
    subscription = subscription_numbers(layout)
    since = first_days(people, window)
    moves = np.flatnonzero(next_agreement >= 0)
    moved_on = window.starts[people.circumstance_from[moves]]
    until = np.full(people.points, -1)
    until[moves] = moved_on
    supplies = pl.DataFrame(
        {
            "agreement_no": numbers.text(np.concatenate([agreement, next_agreement[moves]])),
            "customer_no": numbers.text(np.concatenate([customer, next_customer[moves]])),
            "subscription_no": numbers.text(np.concatenate([subscription, subscription[moves]])),
            "valid_from": dates(np.concatenate([since, moved_on])),
            "valid_to": dates(np.concatenate([until, np.full(len(moves), -1)])),
        }
    )
    agreements = supplies.group_by("agreement_no", maintain_order=True).agg(
        pl.col("customer_no").first(), signed_on=pl.col("valid_from").min()
    )
    return {
        "supply_agreement": agreements,
        "agreement_usage_point": supplies.select("agreement_no", "subscription_no", "valid_from", "valid_to"),
    }


def subscription_numbers(layout: Layout) -> IntArray:
    """Eight digits; also the file code of the bill id."""
    return 20_000_000 + layout.first_point + np.arange(layout.points)


def first_days(people: Population, window: Window) -> IntArray:
    """The day each point was energised, (points,)."""
    new = people.has(Circumstance.NEW_POINT)
    connected = window.starts[np.maximum(people.circumstance_from, 0)] + people.reading_day
    return np.where(new, connected, people.energised_day)


def dates(days: IntArray) -> pl.Series:
    """Days since 1970 as dates; negative is null."""
    return pl.Series(days).cast(pl.Int32).cast(pl.Date).set(pl.Series(days < 0), None)


def addresses(points: int, rng: np.random.Generator) -> pl.Series:
    alley, plate = rng.integers(1, 60, points), rng.integers(1, 120, points)
    return (
        "قم، "
        + _pick(names.STREETS, points, rng)
        + "، کوچه "
        + numbers.text(alley)
        + "، پلاک "
        + numbers.text(plate)
    )
