"""What lists and sums of cases can be filtered by."""

from __future__ import annotations

from tarazu.filtering import Columns, Field, column, related
from tarazu.models import Customer, DistributionTransformer, District, Finding, UsagePoint


def case_fields(c: Columns) -> dict[str, Field]:
    """What cases can be filtered by."""
    return {
        "state": column(c.state),
        "family": column(c.family),
        "severity": column(c.severity),
        "subject_kind": column(c.subject_kind),
        "assignee": column(c.assignee),
        "opened_on": column(c.opened_on),
        "confidence": column(c.confidence),
        "money_at_risk_rial": column(c.money_at_risk_rial),
        "energy_at_risk_kwh": column(c.energy_at_risk_kwh),
        "district_code": related(c.district_id, District.id, District.code),
        "rule_id": related(c.id, Finding.case_id, Finding.rule_id),
        "subscription_no": related(c.usage_point_id, UsagePoint.id, UsagePoint.subscription_no),
        "customer_no": related(c.customer_id, Customer.id, Customer.customer_no),
        "transformer_code": related(
            c.transformer_id, DistributionTransformer.id, DistributionTransformer.code
        ),
    }
