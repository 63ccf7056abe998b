"""The graph as tables: one truth for the API, the importer, the lake and the cases."""

from .access import ApiToken, LoginSession, UserAccount
from .audit import AuditEvent
from .base import Base
from .billing import Invoice, InvoiceLine
from .case import Case, Finding, Inspection, RuleVersion
from .case_event import CaseEvent, CaseEventPruned
from .collection import CollectionStep, Instalment, InstalmentPlan
from .customer import AgreementUsagePoint, Customer, SupplyAgreement
from .idempotency import IdempotencyKey
from .metering import (
    EndDeviceEvent,
    IntervalReading,
    Meter,
    MeterInstallation,
    MeterMultiplier,
    MeterReading,
)
from .network import DistributionTransformer, District, ExchangePoint, Feeder, TransformerEnergy
from .payment import Payment, PaymentAllocation
from .ranking import RankingModel, RankingPromotion
from .reading import Contractor, ReadingAgent, ReadingRoute, ReadingVisit
from .receivable import Receivable
from .rule_change import RuleChangeDecision, RuleException, RuleStatus
from .rule_parameter import RuleParameter, RuleParameterDecision
from .run import ImportRun, LakeChange, QuarantinedRow, ScanRun
from .tip_off import TipOff
from .triage import CaseComment, CaseLink, InspectionMeasurement, InspectionSeal
from .usage_point import UsagePoint, UsagePointStatus, UsagePointTerm

__all__ = [
    "AgreementUsagePoint",
    "ApiToken",
    "AuditEvent",
    "Base",
    "Case",
    "CaseComment",
    "CaseEvent",
    "CaseEventPruned",
    "CaseLink",
    "CollectionStep",
    "Contractor",
    "Customer",
    "DistributionTransformer",
    "District",
    "EndDeviceEvent",
    "ExchangePoint",
    "Feeder",
    "Finding",
    "IdempotencyKey",
    "ImportRun",
    "Inspection",
    "InspectionMeasurement",
    "InspectionSeal",
    "Instalment",
    "InstalmentPlan",
    "IntervalReading",
    "Invoice",
    "InvoiceLine",
    "LakeChange",
    "LoginSession",
    "Meter",
    "MeterInstallation",
    "MeterMultiplier",
    "MeterReading",
    "Payment",
    "PaymentAllocation",
    "QuarantinedRow",
    "RankingModel",
    "RankingPromotion",
    "ReadingAgent",
    "ReadingRoute",
    "ReadingVisit",
    "Receivable",
    "RuleChangeDecision",
    "RuleException",
    "RuleParameter",
    "RuleParameterDecision",
    "RuleStatus",
    "RuleVersion",
    "ScanRun",
    "SupplyAgreement",
    "TipOff",
    "TransformerEnergy",
    "UsagePoint",
    "UsagePointStatus",
    "UsagePointTerm",
    "UserAccount",
]
