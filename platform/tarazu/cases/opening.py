"""From the findings of a scan to cases, by sets, in one transaction.

For each subject and rule family: an open case is joined; a case that a person closed within its window is given the
evidence and stays closed; otherwise a case is opened, with the id that the scan derived. A finding that is found
again is not touched, so a scan that is run again writes nothing but its own record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tarazu.database.locks import lock_key
from tarazu.models.enums import LIVE_CASE_STATES
from tarazu.moments import reach

# Held by a scan from its first case to its last: meanwhile nobody else adds a live case to a subject. Until the end of
# the transaction, so that it goes with it.
CASE_SET_LOCK: Final = lock_key("live cases")

# What the planner needs to know of the findings; their texts are long to read.
_JOINED = "subject_kind, subject_key, family"

_LIVE = ", ".join(f"'{state.value}'" for state in LIVE_CASE_STATES)

_TABLES = """
CREATE TEMP TABLE scan_identified (id uuid, case_id uuid, is_new boolean, rule_id text) ON COMMIT DROP;
CREATE TEMP TABLE scan_news (case_id uuid) ON COMMIT DROP;
CREATE TEMP TABLE scan_judged (subject_kind text, subject_key text) ON COMMIT DROP
"""

# The subject must still exist; what has gone since the snapshot is left out and counted.
_SUBJECTS = """
CREATE TEMP TABLE scan_finding ON COMMIT DROP AS
SELECT f.*,
    CASE WHEN f.subject_kind = 'usage_point' THEN p.id END AS usage_point_id,
    CASE WHEN f.subject_kind = 'customer' THEN c.id END AS customer_id,
    CASE WHEN f.subject_kind = 'transformer' THEN t.id END AS transformer_id,
    CASE WHEN f.subject_kind = 'reading_agent' THEN a.id END AS reading_agent_id,
    d.id AS known_district_id,
    i.id AS known_invoice_id,
    x.id AS explained_by_agent_id
FROM {staging} f
LEFT JOIN usage_point p ON f.subject_kind = 'usage_point' AND p.id = f.subject_id AND p.subscription_no = f.subject_key
LEFT JOIN customer c ON f.subject_kind = 'customer' AND c.id = f.subject_id AND c.customer_no = f.subject_key
LEFT JOIN distribution_transformer t
    ON f.subject_kind = 'transformer' AND t.id = f.subject_id AND t.code = f.subject_key
LEFT JOIN reading_agent a ON f.subject_kind = 'reading_agent' AND a.id = f.subject_id AND a.agent_no = f.subject_key
LEFT JOIN district d ON d.id = f.district_id
LEFT JOIN invoice i ON i.id = f.invoice_id
LEFT JOIN reading_agent x ON f.explained_by <> '' AND x.agent_no = f.explained_by
WHERE num_nonnulls(p.id, c.id, t.id, a.id) = 1
"""

# Which case takes the findings of a subject and family: the live one, else the newest one that was closed within
# the window before the scan's day, else a new one.
_TARGETS = f"""
CREATE TEMP TABLE scan_target ON COMMIT DROP AS
WITH wanted AS (
    SELECT DISTINCT {_JOINED}, case_id::uuid AS new_id FROM scan_finding
), closed AS (
    SELECT DISTINCT ON ({_JOINED}) decided.id, {_JOINED}
    FROM (
        SELECT c.id, c.subject_kind, c.subject_key, c.family,
            CASE WHEN survivor.id IS NULL THEN c.closed_at ELSE coalesce(survivor.closed_at, 'infinity') END AS at
        FROM "case" c LEFT JOIN "case" survivor ON survivor.id = c.merged_into_id
        WHERE c.closed_at IS NOT NULL
    ) decided JOIN wanted w USING ({_JOINED})
    WHERE decided.at::date + CAST(:window_days AS integer) > CAST(:as_of AS date) OR decided.id = w.new_id
    ORDER BY {_JOINED}, decided.at DESC, decided.id
)
SELECT w.subject_kind, w.subject_key, w.family, coalesce(live.id, closed.id, w.new_id) AS case_id,
    live.id IS NULL AND closed.id IS NULL AS is_new
FROM wanted w
LEFT JOIN "case" live ON live.subject_kind = w.subject_kind AND live.subject_key = w.subject_key
    AND live.family = w.family AND live.state IN ({_LIVE})
LEFT JOIN closed ON closed.subject_kind = w.subject_kind AND closed.subject_key = w.subject_key
    AND closed.family = w.family
"""

# The rules of a family speak of the same loss, so the largest estimate stands for the case; they are independent
# witnesses of it, so their doubts multiply. Priority: the rial one expects to recover. What another case explains is
# kept without weight: a case of nothing else is the last of the queue.
_MEASURES = """
    (ARRAY['low', 'medium', 'high', 'critical'])[max(array_position(ARRAY['low', 'medium', 'high', 'critical'], f.severity::text))]
        AS severity,
    round((1 - exp(coalesce(sum(ln(1 - least(f.confidence, 0.999)))
        FILTER (WHERE f.explained_by_agent_id IS NULL), 0)))::numeric, 6)::float8 AS confidence,
    coalesce(max(f.energy_at_risk_kwh) FILTER (WHERE f.explained_by_agent_id IS NULL), 0) AS energy_at_risk_kwh,
    coalesce(max(f.money_at_risk_rial) FILTER (WHERE f.explained_by_agent_id IS NULL), 0) AS money_at_risk_rial
"""

_OPEN = f"""
INSERT INTO "case" (id, family, subject_kind, subject_key, usage_point_id, customer_id, transformer_id,
    reading_agent_id, district_id, severity, confidence, energy_at_risk_kwh, money_at_risk_rial, priority, opened_on, first_scan_run_id)
SELECT case_id, family, subject_kind, subject_key, usage_point_id, customer_id, transformer_id,
    reading_agent_id, district_id, severity, confidence, energy_at_risk_kwh, money_at_risk_rial, money_at_risk_rial * confidence, :as_of, :run
FROM (
    SELECT t.case_id, f.family, f.subject_kind, f.subject_key,
        min(f.usage_point_id) AS usage_point_id, min(f.customer_id) AS customer_id,
        min(f.transformer_id) AS transformer_id, min(f.reading_agent_id) AS reading_agent_id,
        min(f.known_district_id) AS district_id, {_MEASURES}
    FROM scan_finding f JOIN scan_target t USING ({_JOINED})
    WHERE t.is_new GROUP BY t.case_id, f.family, f.subject_kind, f.subject_key
) m ORDER BY case_id
"""

# Findings that are there already are left alone, but for those that had ended and are back.
_FINDINGS = f"""
WITH identified AS (
    SELECT md5(t.case_id || ':' || f.identity)::uuid AS id, t.case_id AS target_id, t.is_new, f.*
    FROM scan_finding f JOIN scan_target t USING ({_JOINED})
), noted AS (
    INSERT INTO scan_identified SELECT id, target_id, is_new, rule_id FROM identified
), added AS (
    INSERT INTO finding (id, case_id, rule_id, rule_version, severity, confidence, energy_at_risk_kwh,
        money_at_risk_rial, evidence_from, evidence_to, invoice_id, parameters, evidence, sentence_fa, sentence_en,
        explained_by_agent_id, first_scan_run_id)
    SELECT i.id, i.target_id, i.rule_id, i.rule_version, i.severity, i.confidence,
        i.energy_at_risk_kwh, i.money_at_risk_rial, i.evidence_from, i.evidence_to, i.known_invoice_id,
        i.parameters::jsonb, i.evidence::jsonb, i.sentence_fa, i.sentence_en,
        i.explained_by_agent_id, :run
    FROM identified i
    WHERE i.is_new OR NOT EXISTS (SELECT 1 FROM finding known WHERE known.id = i.id)
    ORDER BY i.target_id
    RETURNING case_id
), back AS (
    UPDATE finding f SET ended_scan_run_id = NULL
    FROM identified i WHERE f.id = i.id AND NOT i.is_new AND f.ended_scan_run_id IS NOT NULL
    RETURNING f.case_id
), news AS (
    INSERT INTO scan_news SELECT case_id FROM added UNION SELECT case_id FROM back
)
SELECT count(*) FROM added
"""

# What a live case was held for and this scan, which looked, did not find any more.
_ENDED = f"""
WITH ended AS (
    UPDATE finding f SET ended_scan_run_id = :run
    FROM "case" c
    WHERE c.id = f.case_id AND c.state IN ({_LIVE}) AND f.ended_scan_run_id IS NULL
        AND f.rule_id = ANY(CAST(:rules AS text[]))
        AND NOT EXISTS (SELECT 1 FROM scan_identified i WHERE i.id = f.id){{judged}}
    RETURNING f.case_id
)
INSERT INTO scan_news SELECT DISTINCT case_id FROM ended
"""

# An evaluation of a part of the subjects says nothing of the others' findings.
_JUDGED = """
        AND (
            c.subject_kind = ANY(CAST(:kinds AS text[]))
            OR EXISTS (
                SELECT 1 FROM usage_point p
                WHERE p.id = c.usage_point_id AND p.bucket_class % CAST(:modulus AS integer) = ANY(CAST(:buckets AS integer[]))
            )
            OR EXISTS (
                SELECT 1 FROM scan_judged j WHERE j.subject_kind = c.subject_kind AND j.subject_key = c.subject_key
            )
        )"""

# Changes of cases that a merge could not see: what was opened, reopened, closed or merged by people since.
_CHANGED = """
SELECT DISTINCT c.subject_kind, c.subject_key
FROM case_event e JOIN "case" c ON c.id = e.case_id
WHERE e.transaction_id >= pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot))::text::bigint
    AND NOT pg_visible_in_snapshot(e.transaction_id::text::xid8, CAST(CAST(:snapshot AS text) AS pg_snapshot))
    AND e.transaction_id <> :own
"""

# Whether events that a merge could not see have been pruned since.
_PRUNED = """
SELECT EXISTS (
    SELECT 1 FROM case_event_pruned
    WHERE transaction_id >= pg_snapshot_xmin(CAST(CAST(:snapshot AS text) AS pg_snapshot))::text::bigint
)
"""

# An older live case about which something is new takes the measures of what holds now, and a new version. One for
# which nothing holds any more keeps its last measures: to close it is a person's decision.
_JOIN = f"""
UPDATE "case" c SET severity = m.severity, confidence = m.confidence, energy_at_risk_kwh = m.energy_at_risk_kwh,
    money_at_risk_rial = m.money_at_risk_rial, priority = m.money_at_risk_rial * m.confidence,
    version = c.version + 1, updated_at = now()
FROM (
    SELECT f.case_id, {_MEASURES} FROM finding f
    WHERE f.ended_scan_run_id IS NULL AND f.case_id IN (SELECT case_id FROM scan_news) GROUP BY f.case_id
) m
WHERE c.id = m.case_id AND c.state IN ({_LIVE}) AND c.first_scan_run_id <> :run
"""


@dataclass(frozen=True, slots=True)
class Judged:
    """The subjects that an evaluation of a part looked at."""

    kinds: list[str]  # all subjects of these kinds
    buckets: list[int]  # usage points whose bucket class modulo `modulus` is one of these
    modulus: int
    subjects: list[tuple[str, str]]  # (kind, key) of single others


@dataclass(frozen=True, slots=True)
class MergeMoment:
    """When a merge looked at cases: by it, later changes are told from earlier ones."""

    transaction_id: int
    snapshot: str


async def changed_subjects(connection: AsyncConnection, since: MergeMoment) -> list[tuple[str, str]] | None:
    """(kind, key) of subjects whose cases others changed since that merge; None where that is not known any more."""
    if await connection.scalar(text(_PRUNED), {"snapshot": since.snapshot}):
        return None
    rows = await connection.execute(text(_CHANGED), {"snapshot": since.snapshot, "own": since.transaction_id})
    return [(row.subject_kind, row.subject_key) for row in rows]


@dataclass(frozen=True, slots=True)
class Opened:
    cases_opened: int
    cases_updated: int  # older live cases about which something is new
    findings_new: int
    findings_stale: int  # their subject is gone since the snapshot


class CaseOpening:
    """One scan's merge, part by part, in the caller's transaction. A subject stands in one part only."""

    def __init__(self, connection: AsyncConnection, *, run_id: int, as_of: dt.date, window_days: int) -> None:
        self._connection = connection
        self._run = {"run": run_id}
        self._as_of = {"as_of": as_of}
        self._window = {"as_of": as_of, "window_days": window_days}
        self._opened = self._new = self._stale = 0

    async def begin(self) -> MergeMoment:
        await self._connection.execute(select(func.pg_advisory_xact_lock(CASE_SET_LOCK)))
        for statement in _TABLES.split(";"):
            await self._connection.execute(text(statement))
        row = (
            await self._connection.execute(
                text(
                    "SELECT pg_current_xact_id()::text::bigint AS transaction_id, "
                    "pg_current_snapshot()::text AS snapshot"
                )
            )
        ).one()
        return MergeMoment(row.transaction_id, row.snapshot)

    async def add(self, staging: str) -> None:
        """Merge the findings in the table `staging` (columns of `etl.scan.results.SCHEMA`)."""
        execute = self._connection.execute
        staged = await self._connection.scalar(text(f"SELECT count(*) FROM {staging}"))
        found = await execute(text(_SUBJECTS.format(staging=staging)))
        await execute(text(f"ANALYZE scan_finding ({_JOINED})"))
        await execute(text(_TARGETS), self._window)
        await execute(text("ANALYZE scan_target"))
        opened = await execute(text(_OPEN), self._as_of | self._run)
        reach("scan.opened")
        added = await self._connection.scalar(text(_FINDINGS), self._run)
        reach("scan.findings")
        await execute(text("DROP TABLE scan_finding, scan_target"))
        assert isinstance(staged, int)
        assert isinstance(added, int)
        self._opened += opened.rowcount
        self._new += added
        self._stale += staged - found.rowcount

    async def finish(self, complete_rules: Collection[str], judged: Judged | None = None) -> Opened:
        """End what was not found any more, and measure older cases anew.

        `complete_rules` were judged for every subject, or for all that are `judged`: what they did not find any more
        has ended.
        """
        execute = self._connection.execute
        await execute(text("ANALYZE scan_identified"))
        parameters: dict[str, Any] = self._run | {"rules": list(complete_rules)}
        if judged is None:
            await execute(text(_ENDED.format(judged="")), parameters)
        else:
            if judged.subjects:
                await execute(
                    text("INSERT INTO scan_judged VALUES (:kind, :key)"),
                    [{"kind": kind, "key": key} for kind, key in judged.subjects],
                )
            parameters |= {"kinds": judged.kinds, "buckets": judged.buckets, "modulus": judged.modulus}
            await execute(text(_ENDED.format(judged=_JUDGED)), parameters)
        updated = await execute(text(_JOIN), self._run)
        return Opened(self._opened, updated.rowcount, self._new, self._stale)
