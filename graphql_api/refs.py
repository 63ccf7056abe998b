"""Types by name: types refer to each other in circles, which imports and class bodies cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import strawberry

if TYPE_CHECKING:
    from graphql_api.billing.types import Invoice, Payment, PaymentAllocation
    from graphql_api.cases.inspection_types import Inspection
    from graphql_api.cases.types import Case, CaseComment
    from graphql_api.customers.types import Customer, Supply, SupplyAgreement
    from graphql_api.metering.types import EndDeviceEvent, MeterInstallation, MeterReading, UsagePoint
    from graphql_api.network.types import DistributionTransformer, District, Feeder
    from graphql_api.runs.types import QuarantinedRow, ScanRun
    from graphql_api.tip_offs.types import TipOff

_BILLING = strawberry.lazy("graphql_api.billing.types")
_CASES = strawberry.lazy("graphql_api.cases.types")
_INSPECTIONS = strawberry.lazy("graphql_api.cases.inspection_types")
_CUSTOMERS = strawberry.lazy("graphql_api.customers.types")
_METERING = strawberry.lazy("graphql_api.metering.types")
_NETWORK = strawberry.lazy("graphql_api.network.types")
_RUNS = strawberry.lazy("graphql_api.runs.types")
_TIP_OFFS = strawberry.lazy("graphql_api.tip_offs.types")

InvoiceRef = Annotated["Invoice", _BILLING]
PaymentRef = Annotated["Payment", _BILLING]
PaymentAllocationRef = Annotated["PaymentAllocation", _BILLING]
CaseRef = Annotated["Case", _CASES]
CaseCommentRef = Annotated["CaseComment", _CASES]
InspectionRef = Annotated["Inspection", _INSPECTIONS]
CustomerRef = Annotated["Customer", _CUSTOMERS]
SupplyRef = Annotated["Supply", _CUSTOMERS]
SupplyAgreementRef = Annotated["SupplyAgreement", _CUSTOMERS]
EndDeviceEventRef = Annotated["EndDeviceEvent", _METERING]
MeterInstallationRef = Annotated["MeterInstallation", _METERING]
MeterReadingRef = Annotated["MeterReading", _METERING]
UsagePointRef = Annotated["UsagePoint", _METERING]
DistributionTransformerRef = Annotated["DistributionTransformer", _NETWORK]
DistrictRef = Annotated["District", _NETWORK]
FeederRef = Annotated["Feeder", _NETWORK]
QuarantinedRowRef = Annotated["QuarantinedRow", _RUNS]
ScanRunRef = Annotated["ScanRun", _RUNS]
TipOffRef = Annotated["TipOff", _TIP_OFFS]
