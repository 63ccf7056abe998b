"""What became of the findings of rules: the numbers by which a rule is kept, tuned or retired."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import text

from tarazu.database import ReadSession

# Two-sided 95 % of the normal distribution.
_Z: Final = 1.959964

# An inspection speaks for the rules whose findings stood in its case. What was never seen inside (`no_access`) says
# nothing of whether a rule was right.
_STATISTICS: Final = text("""
WITH of_case AS (
    SELECT f.rule_id, f.case_id, count(*) AS findings,
        count(*) FILTER (WHERE f.ended_scan_run_id IS NULL) AS standing
    FROM finding f
    WHERE CAST(:rule AS text) IS NULL OR f.rule_id = :rule
    GROUP BY f.rule_id, f.case_id
), visit AS (
    SELECT DISTINCT ON (case_id) case_id, outcome FROM inspection
    WHERE case_id IS NOT NULL AND outcome IS NOT NULL
    ORDER BY case_id, inspected_on DESC NULLS LAST, id DESC
)
SELECT o.rule_id, d.code AS district_code, sum(o.findings)::bigint AS findings, sum(o.standing)::bigint AS standing,
    count(*) AS cases,
    count(*) FILTER (WHERE v.outcome IN ('theft', 'meter_fault', 'billing_error')) AS confirmed,
    count(*) FILTER (WHERE v.outcome = 'clean') AS clean,
    count(*) FILTER (WHERE v.outcome = 'no_access') AS no_access,
    count(*) FILTER (WHERE c.state = 'dismissed') AS dismissed
FROM of_case o JOIN "case" c ON c.id = o.case_id
LEFT JOIN district d ON d.id = c.district_id
LEFT JOIN visit v ON v.case_id = o.case_id
GROUP BY o.rule_id, d.code ORDER BY o.rule_id, d.code NULLS LAST
""")


@dataclass(frozen=True, slots=True)
class RuleStatistics:
    """One rule in one district; `district_code` None: cases of no district."""

    rule_id: str
    district_code: str | None
    findings: int
    standing: int  # findings that the last scan still found
    cases: int
    confirmed: int  # theft, a faulty meter or a wrong bill
    clean: int
    no_access: int
    dismissed: int

    @property
    def inspected(self) -> int:
        """Visits that saw the meter."""
        return self.confirmed + self.clean

    @property
    def precision(self) -> float | None:
        return self.confirmed / self.inspected if self.inspected else None

    @property
    def precision_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval, which holds for a handful of visits too; None without one."""
        return wilson_interval(self.confirmed, self.inspected)

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "inspected": self.inspected,
            "precision": self.precision,
            "precision_interval": self.precision_interval,
        }


def wilson_interval(successes: int, trials: int) -> tuple[float, float] | None:
    """Wilson (1927), 95 %."""
    if not trials:
        return None
    share, z2 = successes / trials, _Z * _Z
    centre = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = _Z * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials * trials)) / (1 + z2 / trials)
    return max(centre - half, 0.0), min(centre + half, 1.0)


async def rule_statistics(session: ReadSession, rule_id: str | None = None) -> list[RuleStatistics]:
    """Statistics of a rule, or of all that ever found something, by rule and district."""
    return [RuleStatistics(*row) for row in await session.execute(_STATISTICS, {"rule": rule_id})]
