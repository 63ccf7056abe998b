"""The closed sets of the domain as GraphQL enumerations; their members are the upper-case names."""

from __future__ import annotations

import strawberry

from tarazu.cases.summary import CaseDimension
from tarazu.models import enums
from tarazu.receivables.ageing import AgeBucket
from tarazu.receivables.collection import CollectionDimension
from tarazu.receivables.debts import DebtDimension, DebtorKind
from tarazu.runs.repository import QuarantineDimension

for _enumeration, _meaning in (
    (enums.Commodity, "What is supplied."),
    (enums.Sector, "Who owns the customer. Government debt is collected another way than private debt."),
    (enums.CustomerKind, "A natural person or a legal entity."),
    (enums.TariffClass, "The class of use by the official tariff booklet."),
    (enums.Segment, "DEMAND with more than 30 kW of contracted power, ORDINARY up to and with 30 kW."),
    (enums.UsagePointStatusKind, "A circumstance of a usage point in a period."),
    (
        enums.Register,
        "A register of a meter: energy in all or by time of use, reactive energy, maximum demand.",
    ),
    (enums.ReadingQuality, "How a reading came about."),
    (enums.EndDeviceEventKind, "What a meter can report of itself (IEC CIM, DLMS event codes)."),
    (enums.InvoiceKind, "Whether an invoice is ordinary, on account, a revision or the last one."),
    (enums.InspectionOutcome, "What an inspection found on site."),
    (enums.RuleFamily, "The four families of rules: theft and metering, billing, meter reading, debt."),
    (enums.SubjectKind, "What a case is about."),
    (enums.Severity, "How grave a finding is."),
    (
        enums.CaseState,
        "Where a case stands. OPEN, IN_REVIEW and INSPECTION_ORDERED wait for people; MERGED is worked on in another.",
    ),
    (enums.DismissReason, "Why a suspicion was given up."),
    (enums.CaseLinkKind, "How two cases belong together, seen the same from either."),
    (
        enums.MeasuredQuantity,
        "What is measured on site. POWER_FACTOR is 0 to 1; the index is that of the total register; MULTIPLIER as found.",
    ),
    (enums.RunState, "How a run ended, or that it has not. PARTIAL did useful work and left some undone."),
    (enums.TipOffChannel, "How a tip-off came in."),
    (AgeBucket, "Days since the due date: not yet due, or 1–30, 31–60, 61–90, 91–180, 181–365, over 365."),
    (DebtDimension, "What debts can be summed by."),
    (DebtorKind, "A debtor is a customer at one usage point, or a customer with all points."),
    (CollectionDimension, "What collection can be summed by; months are Jalali."),
    (
        CaseDimension,
        "What cases can be counted by. By RULE a case counts under each rule that holds in it.",
    ),
    (QuarantineDimension, "What refused rows can be counted by."),
):
    strawberry.enum(_enumeration, description=_meaning)
