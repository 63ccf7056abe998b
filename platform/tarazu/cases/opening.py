"""From the findings of a scan to cases, by sets, in one transaction.

For each subject and rule family: an open case is joined; a case that a person closed within its window is given the
evidence and stays closed; otherwise a case is opened, with the id that the scan derived. A scan that is run again
changes nothing but its own number.
"""

from __future__ import annotations

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
    SELECT DISTINCT subject_kind, subject_key, family, case_id::uuid AS new_id FROM scan_finding
)
SELECT w.subject_kind, w.subject_key, w.family, coalesce(k.id, w.new_id) AS case_id,
    k.id IS NULL AS is_new, coalesce(k.state IN ({_LIVE}), true) AS is_live
FROM wanted w
LEFT JOIN LATERAL (
    SELECT c.id, c.state FROM "case" c
    WHERE c.subject_kind = w.subject_kind AND c.subject_key = w.subject_key AND c.family = w.family
        AND (c.state IN ({_LIVE}) OR c.closed_at::date + CAST(:window_days AS integer) > CAST(:as_of AS date) OR c.id = w.new_id)
    ORDER BY (c.state IN ({_LIVE})) DESC, c.closed_at DESC, c.id
    LIMIT 1
) k ON true
"""

# The rules of a family speak of the same loss, so the largest estimate stands for the case; they are independent
# witnesses of it, so their doubts multiply. Priority: the rial one expects to recover.
_MEASURES = """
SELECT t.case_id, t.is_new, t.is_live, f.family, f.subject_kind, f.subject_key,
    min(f.usage_point_id) AS usage_point_id, min(f.customer_id) AS customer_id,
    min(f.transformer_id) AS transformer_id, min(f.known_district_id) AS district_id,
    (ARRAY['low', 'medium', 'high', 'critical'])[max(array_position(ARRAY['low', 'medium', 'high', 'critical'], f.severity))]
        AS severity,
    round((1 - exp(sum(ln(1 - least(f.confidence, 0.999)))))::numeric, 6)::float8 AS confidence,
    max(f.energy_at_risk_kwh) AS energy_at_risk_kwh, max(f.money_at_risk_rial) AS money_at_risk_rial
FROM scan_finding f JOIN scan_target t USING (subject_kind, subject_key, family)
GROUP BY t.case_id, t.is_new, t.is_live, f.family, f.subject_kind, f.subject_key
"""

_OPEN = f"""
INSERT INTO "case" (id, family, subject_kind, subject_key, usage_point_id, customer_id, transformer_id, district_id,
    severity, confidence, energy_at_risk_kwh, money_at_risk_rial, priority, opened_on, first_scan_run_id,
    last_scan_run_id)
SELECT case_id, family, subject_kind, subject_key, usage_point_id, customer_id, transformer_id, district_id,
    severity, confidence, energy_at_risk_kwh, money_at_risk_rial, money_at_risk_rial * confidence, :as_of, :run, :run
FROM ({_MEASURES}) m WHERE is_new ORDER BY case_id
"""

_FINDINGS = """
INSERT INTO finding (id, case_id, rule_id, rule_version, severity, confidence, energy_at_risk_kwh,
    money_at_risk_rial, evidence_from, evidence_to, invoice_id, parameters, evidence, sentence_fa, sentence_en,
    first_scan_run_id, last_scan_run_id)
SELECT md5(t.case_id || ':' || f.identity)::uuid, t.case_id, f.rule_id, f.rule_version, f.severity, f.confidence,
    f.energy_at_risk_kwh, f.money_at_risk_rial, f.evidence_from, f.evidence_to, f.known_invoice_id,
    f.parameters::jsonb, f.evidence::jsonb, f.sentence_fa, f.sentence_en, :run, :run
FROM scan_finding f JOIN scan_target t USING (subject_kind, subject_key, family)
ORDER BY t.case_id, f.rule_id
ON CONFLICT (id) DO UPDATE SET last_scan_run_id = excluded.last_scan_run_id
"""

# A live case takes the measures of what holds now, and a new version where something about it is new.
_JOIN = f"""
WITH measured AS ({_MEASURES}),
fresh AS (SELECT DISTINCT case_id FROM finding WHERE first_scan_run_id = :run)
UPDATE "case" c SET last_scan_run_id = :run,
    severity = m.severity, confidence = m.confidence, energy_at_risk_kwh = m.energy_at_risk_kwh,
    money_at_risk_rial = m.money_at_risk_rial, priority = m.money_at_risk_rial * m.confidence,
    version = c.version + CASE WHEN f.case_id IS NULL THEN 0 ELSE 1 END,
    updated_at = CASE WHEN f.case_id IS NULL THEN c.updated_at ELSE now() END
FROM measured m LEFT JOIN fresh f ON f.case_id = m.case_id
WHERE c.id = m.case_id AND NOT m.is_new AND m.is_live
RETURNING f.case_id IS NOT NULL AS has_news
"""


@dataclass(frozen=True, slots=True)
class Opened:
    cases_opened: int
    cases_updated: int  # live cases that got new evidence
    findings_new: int
    findings_stale: int  # their subject is gone since the snapshot


async def open_cases(
    connection: AsyncConnection, staging: str, *, run_id: int, as_of: object, window_days: int
) -> Opened:
    """Merge the findings in the table `staging` (columns of `etl.scan.results.SCHEMA`).

    The caller owns the transaction.
    """
    staged = await connection.scalar(text(f"SELECT count(*) FROM {staging}"))
    await connection.execute(text(_SUBJECTS.format(staging=staging)))
    kept = await connection.scalar(text("SELECT count(*) FROM scan_finding"))
    await connection.execute(text(f"ANALYZE scan_finding ({_JOINED})"))
    scope = {"as_of": as_of, "window_days": window_days}
    await connection.execute(text(_TARGETS), scope)
    await connection.execute(text("ANALYZE scan_target"))
    opened = await connection.execute(text(_OPEN), {"as_of": as_of, "run": run_id})
    reach("scan.opened")
    before = await connection.scalar(text("SELECT count(*) FROM finding"))
    await connection.execute(text(_FINDINGS), {"run": run_id})
    after = await connection.scalar(text("SELECT count(*) FROM finding"))
    reach("scan.findings")
    joined = (await connection.execute(text(_JOIN), {"run": run_id})).scalars().all()
    assert isinstance(staged, int)
    assert isinstance(kept, int)
    assert isinstance(before, int)
    assert isinstance(after, int)
    return Opened(opened.rowcount, sum(joined), after - before, staged - kept)
