"""What may be permitted. `roles.yaml` beside this file says which role has what."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    ANALYST = "analyst"
    COLLECTION_OFFICER = "collection_officer"
    INSPECTOR = "inspector"
    OFFICE_MANAGER = "office_manager"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    APPLICATION = "application"


class Permission(StrEnum):
    """A permission is asked for by a field, a root field, a mutation or a command; never by a role's name."""

    READ_NETWORK = "network.read"
    READ_CUSTOMERS = "customers.read"
    READ_METERING = "metering.read"
    READ_BILLING = "billing.read"
    READ_RECEIVABLES = "receivables.read"
    READ_CASES = "cases.read"
    # Confidence, money at risk and priority: not for those whose own work the case may judge.
    READ_SCORES = "cases.scores"
    READ_RULES = "rules.read"
    # Set parameters of rules, and decide on what others have set.
    MANAGE_RULES = "rules.manage"
    READ_RUNS = "runs.read"
    READ_QUARANTINE = "quarantine.read"
    READ_INSPECTIONS = "inspections.read"
    READ_TIP_OFFS = "tip_offs.read"
    # Names, full national ids, mobile numbers, addresses, bill ids.
    READ_PERSONAL_DATA = "personal_data.read"
    READ_TIP_OFF_REPORTER = "tip_offs.reporter"
    TRIAGE_CASES = "cases.triage"
    ORDER_INSPECTIONS = "inspections.order"
    RECORD_INSPECTIONS = "inspections.record"
    RECORD_TIP_OFFS = "tip_offs.record"
    READ_AUDIT = "audit.read"
    MANAGE_ACCESS = "access.manage"
