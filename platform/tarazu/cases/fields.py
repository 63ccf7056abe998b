"""What lists and sums of cases can be filtered by."""

from __future__ import annotations

from typing import Final

from tarazu.filtering import Field, column, related
from tarazu.models import Case, Customer, DistributionTransformer, District, Finding, UsagePoint

CASE_FIELDS: Final[dict[str, Field]] = {
    "state": column(Case.state),
    "family": column(Case.family),
    "severity": column(Case.severity),
    "subject_kind": column(Case.subject_kind),
    "assignee": column(Case.assignee),
    "opened_on": column(Case.opened_on),
    "confidence": column(Case.confidence),
    "money_at_risk_rial": column(Case.money_at_risk_rial),
    "energy_at_risk_kwh": column(Case.energy_at_risk_kwh),
    "district_code": related(Case.district_id, District.id, District.code),
    "rule_id": related(Case.id, Finding.case_id, Finding.rule_id),
    "subscription_no": related(Case.usage_point_id, UsagePoint.id, UsagePoint.subscription_no),
    "customer_no": related(Case.customer_id, Customer.id, Customer.customer_no),
    "transformer_code": related(
        Case.transformer_id, DistributionTransformer.id, DistributionTransformer.code
    ),
}
