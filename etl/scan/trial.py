"""Rules on trial: a limited number of findings, and findings that say so."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from sqlalchemy.ext.asyncio import AsyncConnection

    from rules.rule import Catalogue


async def standing_findings(connection: AsyncConnection, rule_ids: Collection[str]) -> set[tuple[str, str]]:
    """(rule, key of the subject) of what holds since an earlier scan."""
    if not rule_ids:
        return set()
    rows = await connection.execute(
        text(
            'SELECT f.rule_id, c.subject_key FROM finding f JOIN "case" c ON c.id = f.case_id'
            " WHERE f.rule_id = ANY(CAST(:rules AS text[])) AND f.ended_scan_run_id IS NULL"
        ),
        {"rules": list(rule_ids)},
    )
    return {(rule_id, key) for rule_id, key in rows}


def hold_back(
    table: pa.Table, limits: Mapping[str, int], standing: Collection[tuple[str, str]]
) -> tuple[pa.Table, Counter[str]]:
    """(the findings without those beyond the limit of their rule, how many of each rule those were).

    First comes what stood before, so that the same cases stay; then the most money at risk.
    """
    held: Counter[str] = Counter()
    if not limits:
        return table, held
    rules = np.array(table.column("rule_id").to_pylist(), dtype=object)
    keys, money = table.column("subject_key").to_pylist(), table.column("money_at_risk_rial").to_pylist()
    kept = np.ones(len(table), np.bool_)
    for rule_id, most in limits.items():
        found = np.flatnonzero(rules == rule_id).tolist()
        order = {row: ((rule_id, keys[row]) not in standing, -money[row], keys[row]) for row in found}
        rows = sorted(found, key=order.__getitem__)
        if len(rows) > most:
            held[rule_id] = len(rows) - most
            kept[rows[most:]] = False
    return table.filter(pa.array(kept)), held


async def on_trial(connection: AsyncConnection, catalogue: Catalogue) -> None:
    """Let each finding that holds say whether its rule is on trial now; one that has ended keeps what it said."""
    trial = [rule.id for rule in catalogue.rules.values() if rule.status == "trial"]
    await connection.execute(
        text(
            "UPDATE finding SET on_trial = NOT on_trial WHERE ended_scan_run_id IS NULL"
            " AND on_trial <> (rule_id = ANY(CAST(:trial AS text[])))"
        ),
        {"trial": trial},
    )
