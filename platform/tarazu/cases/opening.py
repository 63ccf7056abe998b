"""From the findings of a scan to cases, by sets, in one transaction.

For each subject and rule family: an open case is joined; a case that a person closed within its window is given the
evidence and stays closed; otherwise a case is opened, with the id that the scan derived. A finding that is found
again is not touched, so a scan that is run again writes nothing but its own record.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tarazu.models.enums import LIVE_CASE_STATES
from tarazu.moments import reach

# What the planner needs to know of the findings; their texts are long to read.
_JOINED = "subject_kind, subject_key, family"

_LIVE = ", ".join(f"'{state.value}'" for state in LIVE_CASE_STATES)

# The subject must still exist; what has gone since the snapshot is left out and counted.
_SUBJECTS = """
CREATE TEMP TABLE scan_finding ON COMMIT DROP AS
SELECT f.*,
    CASE WHEN f.subject_kind = 'usage_point' THEN p.id END AS usage_point_id,
    CASE WHEN f.subject_kind = 'customer' THEN c.id END AS customer_id,
    CASE WHEN f.subject_kind = 'transformer' THEN t.id END AS transformer_id,
    d.id AS known_district_id,
    i.id AS known_invoice_id
FROM {staging} f
LEFT JOIN usage_point p ON f.subject_kind = 'usage_point' AND p.id = f.subject_id AND p.subscription_no = f.subject_key
LEFT JOIN customer c ON f.subject_kind = 'customer' AND c.id = f.subject_id AND c.customer_no = f.subject_key
LEFT JOIN distribution_transformer t
    ON f.subject_kind = 'transformer' AND t.id = f.subject_id AND t.code = f.subject_key
LEFT JOIN district d ON d.id = f.district_id
LEFT JOIN invoice i ON i.id = f.invoice_id
WHERE num_nonnulls(p.id, c.id, t.id) = 1
"""

# Which case takes the findings of a subject and family: the live one, else the newest one that was closed within
# the window before the scan's day, else a new one.
_TARGETS = f"""
CREATE TEMP TABLE scan_target ON COMMIT DROP AS
WITH wanted AS (
    SELECT DISTINCT {_JOINED}, case_id::uuid AS new_id FROM scan_finding
), closed AS (
    SELECT DISTINCT ON ({_JOINED}) c.id, {_JOINED}
    FROM "case" c JOIN wanted w USING ({_JOINED})
    WHERE c.closed_at IS NOT NULL
        AND (c.closed_at::date + CAST(:window_days AS integer) > CAST(:as_of AS date) OR c.id = w.new_id)
    ORDER BY {_JOINED}, c.closed_at DESC, c.id
)
SELECT w.subject_kind, w.subject_key, w.family, coalesce(live.id, closed.id, w.new_id) AS case_id,
    live.id IS NULL AND closed.id IS NULL AS is_new, live.id IS NOT NULL AS is_live
FROM wanted w
LEFT JOIN "case" live ON live.subject_kind = w.subject_kind AND live.subject_key = w.subject_key
    AND live.family = w.family AND live.state IN ({_LIVE})
LEFT JOIN closed ON closed.subject_kind = w.subject_kind AND closed.subject_key = w.subject_key
    AND closed.family = w.family
"""

# The rules of a family speak of the same loss, so the largest estimate stands for the case; they are independent
# witnesses of it, so their doubts multiply. Priority: the rial one expects to recover.
_MEASURES = """
SELECT t.case_id, f.family, f.subject_kind, f.subject_key,
    min(f.usage_point_id) AS usage_point_id, min(f.customer_id) AS customer_id,
    min(f.transformer_id) AS transformer_id, min(f.known_district_id) AS district_id,
    (ARRAY['low', 'medium', 'high', 'critical'])[max(array_position(ARRAY['low', 'medium', 'high', 'critical'], f.severity))]
        AS severity,
    round((1 - exp(sum(ln(1 - least(f.confidence, 0.999)))))::numeric, 6)::float8 AS confidence,
    max(f.energy_at_risk_kwh) AS energy_at_risk_kwh, max(f.money_at_risk_rial) AS money_at_risk_rial
FROM scan_finding f JOIN scan_target t USING (subject_kind, subject_key, family)
WHERE {which}
GROUP BY t.case_id, f.family, f.subject_kind, f.subject_key
"""

_OPEN = f"""
INSERT INTO "case" (id, family, subject_kind, subject_key, usage_point_id, customer_id, transformer_id, district_id,
    severity, confidence, energy_at_risk_kwh, money_at_risk_rial, priority, opened_on, first_scan_run_id)
SELECT case_id, family, subject_kind, subject_key, usage_point_id, customer_id, transformer_id, district_id,
    severity, confidence, energy_at_risk_kwh, money_at_risk_rial, money_at_risk_rial * confidence, :as_of, :run
FROM ({_MEASURES.format(which="t.is_new")}) m ORDER BY case_id
"""

_IDENTIFIED = """
CREATE TEMP TABLE scan_identified ON COMMIT DROP AS
SELECT md5(t.case_id || ':' || f.identity)::uuid AS id, t.case_id, t.is_new, t.is_live, f.rule_id, f.ctid AS place
FROM scan_finding f JOIN scan_target t USING (subject_kind, subject_key, family)
"""

# Findings that are there already are left alone, but for those that had ended and are back.
_BACK = """
WITH back AS (
    UPDATE finding f SET ended_scan_run_id = NULL
    FROM scan_identified i WHERE f.id = i.id AND NOT i.is_new AND f.ended_scan_run_id IS NOT NULL
    RETURNING f.case_id
)
INSERT INTO scan_news SELECT DISTINCT case_id FROM back
"""

_FINDINGS = """
WITH added AS (
    INSERT INTO finding (id, case_id, rule_id, rule_version, severity, confidence, energy_at_risk_kwh,
        money_at_risk_rial, evidence_from, evidence_to, invoice_id, parameters, evidence, sentence_fa, sentence_en,
        first_scan_run_id)
    SELECT i.id, i.case_id, f.rule_id, f.rule_version, f.severity, f.confidence,
        f.energy_at_risk_kwh, f.money_at_risk_rial, f.evidence_from, f.evidence_to, f.known_invoice_id,
        f.parameters::jsonb, f.evidence::jsonb, f.sentence_fa, f.sentence_en, :run
    FROM scan_identified i JOIN scan_finding f ON f.ctid = i.place
    WHERE i.is_new OR NOT EXISTS (SELECT 1 FROM finding known WHERE known.id = i.id)
    ORDER BY i.id
    RETURNING case_id
), counted AS (SELECT case_id, count(*) AS findings FROM added GROUP BY case_id),
news AS (INSERT INTO scan_news SELECT case_id FROM counted)
SELECT coalesce(sum(findings), 0)::bigint FROM counted
"""

# What a live case was held for and this scan, which looked, did not find any more.
_ENDED = f"""
WITH ended AS (
    UPDATE finding f SET ended_scan_run_id = :run
    FROM "case" c
    WHERE c.id = f.case_id AND c.state IN ({_LIVE}) AND f.ended_scan_run_id IS NULL
        AND f.rule_id = ANY(CAST(:rules AS text[]))
        AND NOT EXISTS (SELECT 1 FROM scan_identified i WHERE i.id = f.id)
    RETURNING f.case_id
)
INSERT INTO scan_news SELECT DISTINCT case_id FROM ended
"""

# A live case about which something is new takes the measures of what holds now, and a new version. One for which
# nothing holds any more keeps its last measures: to close it is a person's decision.
_JOIN = f"""
UPDATE "case" c SET severity = m.severity, confidence = m.confidence, energy_at_risk_kwh = m.energy_at_risk_kwh,
    money_at_risk_rial = m.money_at_risk_rial, priority = m.money_at_risk_rial * m.confidence,
    version = c.version + 1, updated_at = now()
FROM ({_MEASURES.format(which="t.is_live AND t.case_id IN (SELECT case_id FROM scan_news)")}) m
WHERE c.id = m.case_id
"""


@dataclass(frozen=True, slots=True)
class Opened:
    cases_opened: int
    cases_updated: int  # live cases about which something is new
    findings_new: int
    findings_stale: int  # their subject is gone since the snapshot


async def open_cases(
    connection: AsyncConnection,
    staging: str,
    *,
    run_id: int,
    as_of: dt.date,
    window_days: int,
    complete_rules: Collection[str],
) -> Opened:
    """Merge the findings in the table `staging` (columns of `etl.scan.results.SCHEMA`).

    `complete_rules` were judged for every subject: what they did not find any more has ended. The caller owns the
    transaction.
    """
    staged = await connection.scalar(text(f"SELECT count(*) FROM {staging}"))
    found = await connection.execute(text(_SUBJECTS.format(staging=staging)))
    await connection.execute(text(f"ANALYZE scan_finding ({_JOINED})"))
    await connection.execute(text(_TARGETS), {"as_of": as_of, "window_days": window_days})
    await connection.execute(text("ANALYZE scan_target"))
    opened = await connection.execute(text(_OPEN), {"as_of": as_of, "run": run_id})
    reach("scan.opened")
    await connection.execute(text(_IDENTIFIED))
    await connection.execute(text("ANALYZE scan_identified (id, case_id)"))
    await connection.execute(text("CREATE TEMP TABLE scan_news (case_id uuid) ON COMMIT DROP"))
    await connection.execute(text(_BACK))
    added = await connection.scalar(text(_FINDINGS), {"run": run_id})
    await connection.execute(text(_ENDED), {"run": run_id, "rules": list(complete_rules)})
    reach("scan.findings")
    updated = await connection.execute(text(_JOIN))
    assert isinstance(staged, int)
    assert isinstance(added, int)
    return Opened(opened.rowcount, updated.rowcount, added, staged - found.rowcount)
