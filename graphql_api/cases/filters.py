"""What lists of cases can be filtered and ordered by."""

from __future__ import annotations

from enum import Enum

import strawberry
from strawberry import UNSET

from graphql_api.filters import AND, NOT, OR, DateFilter, Filter, FloatFilter, RialFilter, StringFilter
from tarazu.cases import repository
from tarazu.models.enums import CaseState, RuleFamily, Severity, SubjectKind
from tarazu.paging import Order


@strawberry.input(description="Which cases; all fields given must hold.")
class CaseFilter:
    state: Filter[CaseState] | None = strawberry.field(default=UNSET, description="State of the case.")
    family: Filter[RuleFamily] | None = strawberry.field(default=UNSET, description="Family of its rules.")
    severity: Filter[Severity] | None = strawberry.field(default=UNSET, description="Its severity.")
    subject_kind: Filter[SubjectKind] | None = strawberry.field(
        default=UNSET, description="What the case is about."
    )
    district_code: StringFilter | None = strawberry.field(
        default=UNSET, description="Code of the district that has to work on it."
    )
    rule_id: StringFilter | None = strawberry.field(
        default=UNSET, description="Id of a rule that one of its findings is of, such as T02."
    )
    subscription_no: StringFilter | None = strawberry.field(
        default=UNSET, description="Subscription number of the usage point it is about."
    )
    customer_no: StringFilter | None = strawberry.field(
        default=UNSET, description="Number of the customer it is about as such."
    )
    transformer_code: StringFilter | None = strawberry.field(
        default=UNSET, description="Code of the transformer it is about."
    )
    assignee: StringFilter | None = strawberry.field(default=UNSET, description="Who works on it.")
    opened_on: DateFilter | None = strawberry.field(default=UNSET, description="Day it was opened.")
    confidence: FloatFilter | None = strawberry.field(default=UNSET, description="Its confidence, 0 to 1.")
    money_at_risk_rial: RialFilter | None = strawberry.field(
        default=UNSET, description="Estimated money at risk, rial."
    )
    energy_at_risk_kwh: FloatFilter | None = strawberry.field(
        default=UNSET, description="Estimated energy at risk, kWh."
    )
    and_: list[CaseFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[CaseFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: CaseFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)


@strawberry.input(description="Which rules; all fields given must hold.")
class RuleFilter:
    rule_id: StringFilter | None = strawberry.field(default=UNSET, description="Id of the rule, such as T02.")
    family: Filter[RuleFamily] | None = strawberry.field(default=UNSET, description="Its family.")
    severity: Filter[Severity] | None = strawberry.field(default=UNSET, description="Its severity.")
    and_: list[RuleFilter] | None = strawberry.field(name="and", default=UNSET, description=AND)
    or_: list[RuleFilter] | None = strawberry.field(name="or", default=UNSET, description=OR)
    not_: RuleFilter | None = strawberry.field(name="not", default=UNSET, description=NOT)


@strawberry.enum(
    description="Orders of lists of cases: PRIORITY by expected recovery, NEWEST and OLDEST by case number."
)
class CaseOrder(Enum):
    PRIORITY = "priority"
    NEWEST = "newest"
    OLDEST = "oldest"


CASE_ORDERS: dict[CaseOrder, Order] = {
    CaseOrder.PRIORITY: repository.CASES_BY_PRIORITY,
    CaseOrder.NEWEST: repository.CASES_NEWEST_FIRST,
    CaseOrder.OLDEST: repository.CASES_OLDEST_FIRST,
}
