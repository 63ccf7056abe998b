"""Energy balances against a plain computation over the same company."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from sqlalchemy import Date, bindparam

from tarazu.models import DistributionTransformer
from tarazu.models.enums import Commodity
from tarazu.network.balance import feeder_balance_statement, transformer_balance_statement

PERIODS = [
    (dt.date(2025, 2, 1), dt.date(2025, 3, 1)),
    (dt.date(2025, 3, 7), dt.date(2025, 3, 8)),
    (dt.date(2024, 6, 1), dt.date(2026, 1, 1)),
    (dt.date(2031, 1, 1), dt.date(2031, 2, 1)),
]


def days_shared(row: Any, from_day: dt.date, to_day: dt.date) -> int:
    return max((min(row.period_end, to_day) - max(row.period_start, from_day)).days, 0)


def computed(made: Any, from_day: dt.date, to_day: dt.date, scope: Any) -> dict[int, dict[str, Any]]:
    if scope.sectors is not None:
        return {}
    length = (to_day - from_day).days

    def seen(district_id: int | None) -> bool:
        return scope.districts is None or district_id in scope.districts

    def spread(rows: Any, amount: str) -> float:
        return sum(
            getattr(r, amount) * days_shared(r, from_day, to_day) / (r.period_end - r.period_start).days
            for r in rows
        )

    balances = {}
    for transformer in made.transformers:
        if not seen(transformer.district_id):
            continue
        energies = [e for e in made.energies if e.transformer_id == transformer.id]
        measured = [e for e in energies if days_shared(e, from_day, to_day)]
        points = [
            p
            for p in made.points
            if p.transformer_id == transformer.id
            and p.commodity is Commodity.ELECTRICITY
            and seen(p.district_id)
        ]
        covered, billed_points, billed = 0, 0, 0.0
        for point in points:
            bills = [i for i in made.invoices if i.usage_point_id == point.id]
            days = sum(days_shared(bill, from_day, to_day) for bill in bills)
            covered += min(days, length)
            billed_points += days > 0
            billed += spread(bills, "consumption_kwh")
        delivered = spread(measured, "delivered_kwh") if measured else None
        difference = None if delivered is None else delivered - billed
        balances[transformer.id] = {
            "transformer_id": transformer.id,
            "transformer_code": transformer.code,
            "feeder_id": transformer.feeder_id,
            "district_id": transformer.district_id,
            "delivered_kwh": delivered,
            "billed_kwh": billed,
            "difference_kwh": difference,
            "difference_percent": 100 * difference / delivered if delivered else None,
            "measured_share": min(sum(days_shared(e, from_day, to_day) for e in measured) / length, 1),
            "billed_share": covered / (length * len(points)) if points else None,
            "usage_point_count": len(points),
            "billed_point_count": billed_points,
        }
    return balances


def close(row: dict[str, Any]) -> Any:
    """Sums of floats in another order; the difference of two large ones keeps only their precision."""
    return {
        key: pytest.approx(value, rel=1e-6, abs=1e-6) if isinstance(value, float) else value
        for key, value in row.items()
    }


@pytest.mark.parametrize("seed", range(3))
async def test_transformers_balance_as_computed_in_every_scope(
    sessions: Any, company_of: Any, scopes: Any, seed: int
) -> None:
    made = await company_of(seed)
    seen = 0
    for from_day, to_day in PERIODS:
        for scope in scopes(made):
            statement = transformer_balance_statement(
                bindparam("from_day", from_day, Date), to_day, scope.values()
            )
            async with sessions.read() as session:
                rows = [dict(row._mapping) for row in await session.execute(statement)]
            expected = computed(made, from_day, to_day, scope)
            assert len(rows) == len(expected)
            for row in rows:
                assert row == close(expected[row["transformer_id"]])
                seen += row["difference_kwh"] is not None and row["billed_kwh"] > 0
    assert seen


@pytest.mark.parametrize("seed", range(2))
async def test_a_feeder_is_the_sum_of_its_transformers(
    sessions: Any, company_of: Any, scopes: Any, seed: int
) -> None:
    made = await company_of(seed)
    for from_day, to_day in PERIODS:
        for scope in scopes(made):
            async with sessions.read() as session:
                statement = feeder_balance_statement(from_day, to_day, scope.values())
                rows = {row.feeder_id: row for row in await session.execute(statement)}
            expected: dict[int, list[Any]] = {}
            for balance in computed(made, from_day, to_day, scope).values():
                if balance["feeder_id"] is not None:
                    expected.setdefault(balance["feeder_id"], []).append(balance)
            assert rows.keys() == expected.keys()
            for feeder_id, parts in expected.items():
                row = rows[feeder_id]
                measured = [part for part in parts if part["delivered_kwh"] is not None]
                delivered = sum(part["delivered_kwh"] for part in measured) if measured else None
                difference = sum(part["difference_kwh"] for part in measured) if measured else None
                points = sum(part["usage_point_count"] for part in parts)
                assert dict(row._mapping) == close(
                    {
                        "feeder_id": feeder_id,
                        "feeder_code": next(f.code for f in made.feeders if f.id == feeder_id),
                        "delivered_kwh": delivered,
                        "billed_kwh": sum(part["billed_kwh"] for part in parts),
                        "difference_kwh": difference,
                        "difference_percent": 100 * difference / delivered if delivered else None,
                        "measured_share": sum(part["measured_share"] for part in parts) / len(parts),
                        "billed_share": sum((p["billed_share"] or 0) * p["usage_point_count"] for p in parts)
                        / points
                        if points
                        else None,
                        "usage_point_count": points,
                        "billed_point_count": sum(part["billed_point_count"] for part in parts),
                        "transformer_count": len(parts),
                        "measured_transformer_count": len(measured),
                    }
                )


async def test_a_condition_chooses_transformers(sessions: Any, company_of: Any, scopes: Any) -> None:
    made = await company_of(0)
    chosen = made.transformers[1]
    expected = computed(made, *PERIODS[2], scopes(made)[0])[chosen.id]
    statement = transformer_balance_statement(*PERIODS[2], within=DistributionTransformer.code == chosen.code)
    async with sessions.read() as session:
        (row,) = await session.execute(statement)
    assert dict(row._mapping) == close(expected)
