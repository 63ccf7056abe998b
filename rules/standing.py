"""The catalogue as a company runs it, besides its parameters: the status in force of each rule, and its exceptions.

draft: judges nobody outside of tests. shadow: is judged and counted, and opens nothing. trial: opens cases that say so,
in one district or up to a number of findings where the company has said that. stable: opens cases. deprecated: judges
nobody any more and is kept, since old cases point to it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rules.agent_batch import AgentBatch
from rules.batch import TARIFF_CLASSES, CustomerBatch, PointBatch, TransformerBatch
from rules.rule import ACTIVE, Text

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.batch import Batch
    from rules.rule import Catalogue, Rule, Status


@dataclass(frozen=True, slots=True)
class StatusSetting:
    """A status that a company has set; the limits are a trial's."""

    rule_id: str
    status: Status
    since: dt.date
    district_id: int | None = None
    most_findings: int | None = None


@dataclass(frozen=True, slots=True)
class RuleException:
    """Of whom a rule is not to speak; what is None does not matter. `id` is the one that people know it by."""

    id: str
    rule_id: str
    usage_point_id: int | None = None
    customer_id: int | None = None
    transformer_id: int | None = None
    reading_agent_id: int | None = None
    tariff_class: str | None = None
    district_id: int | None = None

    def covers(self, batch: Batch) -> NDArray[np.bool_]:
        """(subjects,) whether the exception is about them."""
        covered = np.ones(len(batch), np.bool_)
        nobody = np.full(len(batch), -1, np.int64)
        ids = {
            "usage_point_id": batch.usage_point_id if isinstance(batch, PointBatch) else nobody,
            "customer_id": batch.customer_id if isinstance(batch, PointBatch | CustomerBatch) else nobody,
            "transformer_id": (
                batch.transformer_id if isinstance(batch, PointBatch | TransformerBatch) else nobody
            ),
            "reading_agent_id": batch.agent_id if isinstance(batch, AgentBatch) else nobody,
            "district_id": batch.district_id,
        }
        for name, column in ids.items():
            wanted = getattr(self, name)
            if wanted is not None:
                covered &= column == wanted
        if self.tariff_class is not None:
            covered &= (
                batch.tariff_class == TARIFF_CLASSES.index(self.tariff_class)
                if isinstance(batch, PointBatch)
                else np.zeros(len(batch), np.bool_)
            )
        return covered


def with_standing(
    catalogue: Catalogue, statuses: Iterable[StatusSetting], exceptions: Iterable[RuleException]
) -> Catalogue:
    """The catalogue with the statuses and exceptions; those of a rule that is no more are left out."""
    rules = dict(catalogue.rules)
    digest = hashlib.sha256(catalogue.hash.encode())
    for setting in sorted(statuses, key=lambda one: one.rule_id):
        if setting.rule_id in rules:
            rules[setting.rule_id] = replace(
                rules[setting.rule_id],
                status=setting.status,
                status_since=setting.since,
                trial_district=setting.district_id,
                most_findings=setting.most_findings,
            )
            digest.update(repr(setting).encode())
    for exception in sorted(exceptions, key=lambda one: one.id):
        if exception.rule_id in rules:
            rule = rules[exception.rule_id]
            rules[rule.id] = replace(rule, exceptions=(*rule.exceptions, exception))
            digest.update(repr(exception).encode())
    if rules == catalogue.rules:
        return catalogue
    return replace(catalogue, rules=rules, hash=digest.hexdigest())


def spoken_of(batch: Batch, rule: Rule) -> NDArray[np.bool_]:
    """(subjects,) whether the rule may speak of them: those of the district of its trial, without the excepted."""
    spoken = np.ones(len(batch), np.bool_)
    if rule.trial_district is not None:
        spoken &= batch.district_id == rule.trial_district
    for exception in rule.exceptions:
        spoken &= ~exception.covers(batch)
    return spoken


def unspoken(batch: Batch, row: int, rule: Rule) -> tuple[Text, ...]:
    """Why a scan says nothing of this subject even where the rule fires; nothing where it speaks."""
    reasons = []
    if rule.status not in ACTIVE:
        reasons.append(
            Text(
                f"the rule's status is {rule.status}: it opens nothing",
                f"وضعیت قاعده {rule.status} است: پرونده‌ای باز نمی‌کند",
            )
        )
    if rule.trial_district is not None and batch.district_id[row] != rule.trial_district:
        reasons.append(Text("its trial is in another district", "اجرای آزمایشی آن در منطقه دیگری است"))
    reasons += [
        Text(f"excepted by {exception.id}", f"مستثناشده با {exception.id}")
        for exception in rule.exceptions
        if exception.covers(batch)[row]
    ]
    return tuple(reasons)


def excepted(batch: Batch, rule: Rule, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], dict[str, int]]:
    """(the rows that the rule may speak of, how many others each exception hid). The first exception counts."""
    if rule.trial_district is not None:
        rows = rows[batch.district_id[rows] == rule.trial_district]
    hidden: dict[str, int] = {}
    for exception in rule.exceptions:
        covered = exception.covers(batch)[rows]
        if covered.any():
            hidden[exception.id] = int(covered.sum())
            rows = rows[~covered]
    return rows, hidden
