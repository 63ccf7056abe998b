"""The closed sets of the domain. The values are what the database, the API and the rule files say."""

from __future__ import annotations

from enum import StrEnum


class Commodity(StrEnum):
    ELECTRICITY = "electricity"
    GAS = "gas"
    WATER = "water"


class Decision(StrEnum):
    """What the second person said to a change that needs two."""

    APPROVED = "approved"
    REJECTED = "rejected"


class Sector(StrEnum):
    """Government debt is collected another way than private debt."""

    GOVERNMENT = "government"
    PRIVATE = "private"


class CustomerKind(StrEnum):
    PERSON = "person"
    LEGAL_ENTITY = "legal_entity"


class TariffClass(StrEnum):
    """The five tariffs of the official booklet."""

    RESIDENTIAL = "residential"
    PUBLIC = "public"
    AGRICULTURAL = "agricultural"
    INDUSTRIAL = "industrial"
    OTHER = "other"


class Segment(StrEnum):
    """Demand customers have more than 30 kW of contracted power; exactly 30 kW is ordinary."""

    ORDINARY = "ordinary"
    DEMAND = "demand"


class UsagePointStatusKind(StrEnum):
    DISCONNECTED = "disconnected"
    REMOVED = "removed"
    DECLARED_VACANT = "declared_vacant"
    SEASONAL = "seasonal"
    GENERATION_CONTRACT = "generation_contract"
    CRITICAL_LOAD = "critical_load"


class Register(StrEnum):
    TOTAL = "total"
    MID = "mid"
    PEAK = "peak"
    LOW = "low"
    FRIDAY_PEAK = "friday_peak"
    REACTIVE = "reactive"
    MAXIMETER = "maximeter"
    EXPORT = "export"


class ReadingQuality(StrEnum):
    ACTUAL = "actual"
    ESTIMATED = "estimated"
    SELF_READ = "self_read"
    NO_ACCESS = "no_access"


class EndDeviceEventKind(StrEnum):
    """Canonical events; a vendor's raw code is kept beside (domain: DLMS codes 40–49 and the CIM types)."""

    TERMINAL_COVER_REMOVED = "terminal_cover_removed"
    METER_COVER_REMOVED = "meter_cover_removed"
    MODULE_COVER_OPENED = "module_cover_opened"
    MAGNETIC_FIELD = "magnetic_field"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - the name of an event
    CONFIGURATION_CHANGED = "configuration_changed"
    CLOCK_ADJUSTED = "clock_adjusted"
    REVERSE_RUN = "reverse_run"
    CURRENT_WITHOUT_VOLTAGE = "current_without_voltage"
    NEUTRAL_DISTURBANCE = "neutral_disturbance"
    EVENT_LOG_CLEARED = "event_log_cleared"
    POWER_FAILURE = "power_failure"
    POWER_RETURNED = "power_returned"
    PHASE_OUTAGE = "phase_outage"
    UNDER_VOLTAGE = "under_voltage"
    LOW_POWER_FACTOR = "low_power_factor"
    BATTERY_LOW = "battery_low"
    REMOTE_DISCONNECTION = "remote_disconnection"
    REMOTE_CONNECTION = "remote_connection"
    OTHER = "other"


class MeteredQuantity(StrEnum):
    """What a smart meter records by interval or at an instant (IEC CIM ReadingType, DLMS); the unit stands in the name."""

    ACTIVE_ENERGY_KWH = "active_energy_kwh"
    REACTIVE_ENERGY_KVARH = "reactive_energy_kvarh"
    EXPORT_ENERGY_KWH = "export_energy_kwh"
    ACTIVE_POWER_KW = "active_power_kw"
    VOLTAGE_V = "voltage_v"
    CURRENT_A = "current_a"
    POWER_FACTOR = "power_factor"


class InvoiceKind(StrEnum):
    ORDINARY = "ordinary"
    PROVISIONAL = "provisional"
    REVISED = "revised"
    FINAL = "final"


class CollectionStepKind(StrEnum):
    """The ladder of collection, in its order."""

    REMINDER = "reminder"
    CUT_NOTICE = "cut_notice"
    CUT_ORDER = "cut_order"


class InspectionOutcome(StrEnum):
    THEFT = "theft"
    METER_FAULT = "meter_fault"
    BILLING_ERROR = "billing_error"
    CLEAN = "clean"
    NO_ACCESS = "no_access"


class RuleFamily(StrEnum):
    THEFT = "theft"
    BILLING = "billing"
    READING = "reading"
    DEBT = "debt"


class SubjectKind(StrEnum):
    USAGE_POINT = "usage_point"
    CUSTOMER = "customer"
    TRANSFORMER = "transformer"
    READING_AGENT = "reading_agent"


class Severity(StrEnum):
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class CaseState(StrEnum):
    OPEN = "open"
    IN_REVIEW = "in_review"
    INSPECTION_ORDERED = "inspection_ordered"
    CONFIRMED = "confirmed"
    DISMISSED = "dismissed"
    # Its subject is worked on in another case; whatever a scan finds of it stays with it.
    MERGED = "merged"


# A case in one of these waits for people; new evidence joins it.
LIVE_CASE_STATES = (CaseState.OPEN, CaseState.IN_REVIEW, CaseState.INSPECTION_ORDERED)


class DismissReason(StrEnum):
    """Why a suspicion was given up."""

    INNOCENT_CAUSE = "innocent_cause"
    DATA_ERROR = "data_error"
    INSPECTED_CLEAN = "inspected_clean"
    DUPLICATE = "duplicate"
    NOT_WORTHWHILE = "not_worthwhile"
    OTHER = "other"


class RuleLifecycle(StrEnum):
    """How far a rule has come: draft judges nobody, shadow opens nothing, trial and stable open cases."""

    DRAFT = "draft"
    SHADOW = "shadow"
    TRIAL = "trial"
    STABLE = "stable"
    DEPRECATED = "deprecated"


class CaseLinkKind(StrEnum):
    """How two cases belong together; each kind means the same seen from either side."""

    SAME_LOSS = "same_loss"
    SAME_SITE = "same_site"
    SAME_METHOD = "same_method"
    RELATED = "related"


class MeasuredQuantity(StrEnum):
    """What an inspector measures on site; the unit stands in the name."""

    VOLTAGE_V = "voltage_v"
    CURRENT_A = "current_a"
    ACTIVE_POWER_KW = "active_power_kw"
    POWER_FACTOR = "power_factor"
    METER_ERROR_PERCENT = "meter_error_percent"
    REGISTER_INDEX_KWH = "register_index_kwh"
    MULTIPLIER = "multiplier"


class CaseEventKind(StrEnum):
    OPENED = "opened"
    EVIDENCE_CHANGED = "evidence_changed"
    STATE_CHANGED = "state_changed"


class RunState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIAL = "partial"
    FAILED = "failed"


class ScanKind(StrEnum):
    SCAN = "scan"
    ARRIVAL = "arrival"


class TipOffChannel(StrEnum):
    TELEPHONE = "telephone"
    IN_PERSON = "in_person"
    LETTER = "letter"
    WEB = "web"
    MESSAGE = "message"
