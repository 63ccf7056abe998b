"""The graph as tables: one truth for the API, the importer, the lake and the cases."""

from .base import Base
from .billing import Invoice, InvoiceLine
from .case import Case, Finding, Inspection, RuleVersion
from .case_event import CaseEvent, CaseEventPruned
from .customer import AgreementUsagePoint, Customer, SupplyAgreement
from .metering import EndDeviceEvent, Meter, MeterInstallation, MeterMultiplier, MeterReading
from .network import DistributionTransformer, District, ExchangePoint, Feeder, TransformerEnergy
from .payment import Payment, PaymentAllocation
from .run import ImportRun, LakeChange, QuarantinedRow, ScanRun
from .usage_point import UsagePoint, UsagePointStatus, UsagePointTerm

__all__ = [
    "AgreementUsagePoint",
    "Base",
    "Case",
    "CaseEvent",
    "CaseEventPruned",
    "Customer",
    "DistributionTransformer",
    "District",
    "EndDeviceEvent",
    "ExchangePoint",
    "Feeder",
    "Finding",
    "ImportRun",
    "Inspection",
    "Invoice",
    "InvoiceLine",
    "LakeChange",
    "Meter",
    "MeterInstallation",
    "MeterMultiplier",
    "MeterReading",
    "Payment",
    "PaymentAllocation",
    "QuarantinedRow",
    "RuleVersion",
    "ScanRun",
    "SupplyAgreement",
    "TransformerEnergy",
    "UsagePoint",
    "UsagePointStatus",
    "UsagePointTerm",
]
