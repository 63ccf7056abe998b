"""The columns of the lake's tables, and the queries that fill them.

A query takes the bucket classes to read; its columns have the names and order of the schema, so that what
PostgreSQL sends is what Parquet holds.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from rules.batch import (
    COLLECTION_STEPS,
    EVENT_KINDS,
    INVOICE_KINDS,
    OUTCOMES,
    QUALITIES,
    QUANTITIES,
    TARIFF_CLASSES,
)

POINTS = pa.schema(
    [
        ("usage_point_id", pa.int64()),
        ("bucket_class", pa.int16()),
        ("subscription_no", pa.string()),
        ("district_id", pa.int64()),
        ("customer_id", pa.int64()),
        ("customer_no", pa.string()),
        ("transformer_id", pa.int64()),
        ("tariff_class", pa.int16()),
        ("contracted_power_kw", pa.float64()),
        ("is_government", pa.bool_()),
        ("cut_from", pa.date32()),
        ("cut_to", pa.date32()),
        ("vacant_from", pa.date32()),
        ("vacant_to", pa.date32()),
        ("seasonal_from", pa.date32()),
        ("seasonal_to", pa.date32()),
        ("generation_from", pa.date32()),
        ("generation_to", pa.date32()),
        ("meter_since", pa.date32()),
        ("energised_on", pa.date32()),
        ("phase_count", pa.int16()),
        ("licence_expires_on", pa.date32()),
        ("party_id", pa.int64()),
        ("terms_since", pa.date32()),
        ("unallocated_rial", pa.int64()),
        ("unallocated_since", pa.date32()),
        ("step_kind", pa.int16()),
        ("step_on", pa.date32()),
        ("instalment_due_on", pa.date32()),
        ("instalment_rial", pa.int64()),
    ]
)

BILLS = pa.schema(
    [
        ("usage_point_id", pa.int64()),
        ("bucket_class", pa.int16()),
        ("invoice_id", pa.int64()),
        ("installation_id", pa.int64()),
        ("period_start", pa.date32()),
        ("period_end", pa.date32()),
        ("is_start_derived", pa.bool_()),
        ("due_on", pa.date32()),
        ("quality", pa.int16()),
        ("previous_index", pa.float64()),
        ("current_index", pa.float64()),
        ("multiplier", pa.float64()),
        ("installed_multiplier", pa.float64()),
        ("register_digits", pa.int16()),
        ("consumption_kwh", pa.float64()),
        ("bands_kwh", pa.float64()),
        ("reactive_kvarh", pa.float64()),
        ("read_demand_kw", pa.float64()),
        ("bill_id", pa.int64()),
        ("payment_id", pa.int64()),
        ("payable_rial", pa.int64()),
        ("outstanding_rial", pa.int64()),
        ("kind", pa.int16()),
        ("issued_on", pa.date32()),
        ("paid_on", pa.date32()),
        ("registers", pa.int16()),
        ("calculated_demand_kw", pa.float64()),
        ("loss_factor", pa.float64()),
        ("energy_rial", pa.float64()),
        ("demand_rial", pa.float64()),
        ("taxable_rial", pa.float64()),
        ("vat_rial", pa.float64()),
        ("rounding_rial", pa.float64()),
        ("balance_rial", pa.float64()),
        ("exceedance_rial", pa.float64()),
        ("licence_rial", pa.float64()),
    ]
)

EVENTS = pa.schema(
    [
        ("usage_point_id", pa.int64()),
        ("bucket_class", pa.int16()),
        ("day", pa.date32()),
        ("kind", pa.int16()),
    ]
)

INSPECTIONS = pa.schema(
    [
        ("usage_point_id", pa.int64()),
        ("bucket_class", pa.int16()),
        ("day", pa.date32()),
        ("outcome", pa.int16()),
        ("unregistered_kwh", pa.float64()),
        ("note", pa.string()),
    ]
)

EXPORTS = pa.schema(
    [
        ("usage_point_id", pa.int64()),
        ("bucket_class", pa.int16()),
        ("installation_id", pa.int64()),
        ("day", pa.date32()),
        ("index_kwh", pa.float64()),
    ]
)

INTERVALS = pa.schema(
    [
        ("usage_point_id", pa.int64()),
        ("bucket_class", pa.int16()),
        ("quantity", pa.int16()),
        ("phase", pa.int16()),
        ("second", pa.int64()),
        ("duration_minutes", pa.int16()),
        ("value", pa.float64()),
    ]
)


@dataclass(frozen=True, slots=True)
class BucketTables:
    """The rows of one bucket in the schemas above, in any order; what a deployment does not have is empty."""

    points: pa.Table
    bills: pa.Table
    events: pa.Table
    inspections: pa.Table = field(default_factory=INSPECTIONS.empty_table)
    exports: pa.Table = field(default_factory=EXPORTS.empty_table)
    intervals: pa.Table = field(default_factory=INTERVALS.empty_table)


# Interval readings of so many days before the last bill are in the lake: the three months that other signals call now.
INTERVAL_DAYS = 92


# Lines of a bill that bear no value added tax: the duty (by the one sample there is), the tax itself, and what is no
# supply of the period.
UNTAXED_LINES = (
    "electricity_duty",
    "vat",
    "rounding",
    "previous_balance",
    "instalment",
    "late_payment_adjustment",
    "late_payment_penalty",
)
# Lines that rules look at, and the column of the lake.
LINES = {
    "energy_charge": "energy_rial",
    "demand_charge": "demand_rial",
    "vat": "vat_rial",
    "rounding": "rounding_rial",
    "previous_balance": "balance_rial",
    "exceedance_charge": "exceedance_rial",
    "licence_expiry_difference": "licence_rial",
}


def _code(column: str, words: tuple[str, ...]) -> str:
    """A CASE that turns a word into its position."""
    cases = " ".join(f"WHEN '{word}' THEN {i}" for i, word in enumerate(words))
    return f"(CASE {column} {cases} END)::int2"


def _status(kinds: tuple[str, ...], name: str) -> str:
    """The newest period of a circumstance."""
    words = ", ".join(f"'{kind}'" for kind in kinds)
    return f"""LEFT JOIN LATERAL (
        SELECT valid_from, valid_to FROM usage_point_status s
        WHERE s.usage_point_id = p.id AND s.kind IN ({words}) ORDER BY valid_from DESC LIMIT 1
    ) {name} ON true"""


def _lines() -> str:
    """The charges of one invoice side by side."""
    untaxed = ", ".join(f"'{code}'" for code in UNTAXED_LINES)
    columns = [
        f"max(amount_rial) FILTER (WHERE line_code = '{code}')::float8 AS {column}"
        for code, column in LINES.items()
    ]
    columns.append(f"sum(amount_rial) FILTER (WHERE line_code NOT IN ({untaxed}))::float8 AS taxable_rial")
    return f"SELECT {', '.join(columns)} FROM invoice_line l WHERE l.invoice_id = i.id"


POINTS_QUERY = f"""
SELECT p.id AS usage_point_id, p.bucket_class, p.subscription_no, p.district_id,
    coalesce(c.id, -1) AS customer_id,
    coalesce(c.customer_no, '') AS customer_no,
    coalesce(p.transformer_id, -1) AS transformer_id,
    coalesce({_code("t.tariff_class", TARIFF_CLASSES)}, {TARIFF_CLASSES.index("other")}::int2) AS tariff_class,
    t.contracted_power_kw,
    coalesce(c.sector = 'government', false) AS is_government,
    cut.valid_from AS cut_from, cut.valid_to AS cut_to,
    vacant.valid_from AS vacant_from, vacant.valid_to AS vacant_to,
    seasonal.valid_from AS seasonal_from, seasonal.valid_to AS seasonal_to,
    generation.valid_from AS generation_from, generation.valid_to AS generation_to,
    CASE WHEN m.meters > 1 THEN m.newest END AS meter_since,
    p.energised_on, coalesce(p.phase_count, 0)::int2 AS phase_count, t.licence_expires_on,
    -- One person or body may be several customers; the lowest number stands for all, so that the lake has no national id.
    coalesce(
        (SELECT min(o.id) FROM customer o WHERE o.national_id = c.national_id),
        (SELECT min(o.id) FROM customer o WHERE o.legal_entity_id = c.legal_entity_id), c.id, -1
    ) AS party_id,
    t.valid_from AS terms_since,
    coalesce(credit.rial, 0) AS unallocated_rial, credit.since AS unallocated_since,
    coalesce(step.kind, -1)::int2 AS step_kind, step.taken_on AS step_on,
    plan.due_on AS instalment_due_on, coalesce(plan.rial, 0) AS instalment_rial
FROM usage_point p
LEFT JOIN LATERAL (
    SELECT a.agreement_id FROM agreement_usage_point a
    WHERE a.usage_point_id = p.id ORDER BY a.valid_from DESC LIMIT 1
) supply ON true
LEFT JOIN supply_agreement sa ON sa.id = supply.agreement_id
LEFT JOIN customer c ON c.id = sa.customer_id
LEFT JOIN LATERAL (
    SELECT tariff_class, contracted_power_kw, licence_expires_on, valid_from FROM usage_point_term t
    WHERE t.usage_point_id = p.id ORDER BY valid_from DESC LIMIT 1
) t ON true
LEFT JOIN LATERAL (
    SELECT count(*) AS meters, max(valid_from) AS newest FROM meter_installation i WHERE i.usage_point_id = p.id
) m ON true
LEFT JOIN LATERAL (
    SELECT sum(rial)::bigint AS rial, min(paid_on) AS since FROM (
        SELECT y.paid_on, y.amount_rial - coalesce(
            (SELECT sum(a.amount_rial) FROM payment_allocation a WHERE a.payment_id = y.id), 0
        ) AS rial
        FROM payment y WHERE y.usage_point_id = p.id
    ) y WHERE rial > 0
) credit ON true
LEFT JOIN LATERAL (
    SELECT {_code("s.kind", COLLECTION_STEPS)} AS kind, s.taken_on FROM collection_step s
    WHERE s.usage_point_id = p.id ORDER BY s.taken_on DESC, s.id DESC LIMIT 1
) step ON true
LEFT JOIN LATERAL (
    SELECT min(q.due_on) AS due_on, sum(q.amount_rial - q.paid_rial)::bigint AS rial
    FROM instalment_plan n JOIN instalment q ON q.plan_id = n.id
    WHERE n.usage_point_id = p.id AND n.ended_on IS NULL AND q.amount_rial > q.paid_rial
) plan ON true
{_status(("disconnected", "removed"), "cut")}
{_status(("declared_vacant",), "vacant")}
{_status(("seasonal",), "seasonal")}
{_status(("generation_contract",), "generation")}
WHERE {{classes}}
"""

# Bills of the panel's time, and older ones on which something is still owed.
BILLS_QUERY = f"""
SELECT * FROM (
    SELECT i.usage_point_id, p.bucket_class, i.id AS invoice_id, coalesce(i.installation_id, -1) AS installation_id,
        i.period_start, i.period_end, i.is_start_derived, i.due_on, {_code("i.reading_quality", QUALITIES)} AS quality,
        i.previous_index, i.current_index, i.multiplier,
        (SELECT mm.multiplier FROM meter_multiplier mm
         WHERE mm.installation_id = i.installation_id AND mm.valid_from < i.period_end
         ORDER BY mm.valid_from DESC LIMIT 1) AS installed_multiplier,
        coalesce(m.register_digits, 0)::int2 AS register_digits,
        i.consumption_kwh,
        i.mid_kwh + coalesce(i.peak_kwh, 0) + coalesce(i.low_kwh, 0) AS bands_kwh,
        i.reactive_kvarh, i.read_demand_kw,
        coalesce(i.bill_id::bigint, -1) AS bill_id, coalesce(i.payment_id::bigint, -1) AS payment_id,
        coalesce(i.payable_rial, -1) AS payable_rial,
        CASE WHEN i.payable_rial > 0 THEN i.payable_rial - coalesce(
            (SELECT sum(a.amount_rial) FROM payment_allocation a WHERE a.invoice_id = i.id), 0
        )::bigint ELSE 0 END AS outstanding_rial,
        {_code("i.kind", INVOICE_KINDS)} AS kind, i.issued_on,
        (SELECT max(y.paid_on) FROM payment_allocation a JOIN payment y ON y.id = a.payment_id
         WHERE a.invoice_id = i.id) AS paid_on,
        ((i.mid_kwh IS NOT NULL)::int + 2 * (i.peak_kwh IS NOT NULL)::int + 4 * (i.low_kwh IS NOT NULL)::int
         + 8 * (i.reactive_kvarh IS NOT NULL)::int)::int2 AS registers,
        i.calculated_demand_kw, i.loss_factor,
        lines.energy_rial, lines.demand_rial, lines.taxable_rial, lines.vat_rial, lines.rounding_rial, lines.balance_rial,
        lines.exceedance_rial, lines.licence_rial
    FROM invoice i
    JOIN usage_point p ON p.id = i.usage_point_id
    LEFT JOIN meter_installation mi ON mi.id = i.installation_id
    LEFT JOIN meter m ON m.id = mi.meter_id
    LEFT JOIN LATERAL ({_lines()}) lines ON true
    WHERE {{classes}}
) bills WHERE period_end > '{{panel_start}}' OR outstanding_rial > 0
"""

EVENTS_QUERY = f"""
SELECT p.id AS usage_point_id, p.bucket_class, e.occurred_at::date AS day, {_code("e.kind", EVENT_KINDS)} AS kind
FROM end_device_event e
JOIN meter_installation i ON i.meter_id = e.meter_id
    AND e.occurred_at::date >= i.valid_from AND (i.valid_to IS NULL OR e.occurred_at::date < i.valid_to)
JOIN usage_point p ON p.id = i.usage_point_id
WHERE e.kind IN ({", ".join(f"'{kind}'" for kind in EVENT_KINDS)}) AND {{classes}}
"""

INSPECTIONS_QUERY = f"""
SELECT v.usage_point_id, p.bucket_class, v.inspected_on AS day, {_code("v.outcome", OUTCOMES)} AS outcome,
    v.unregistered_energy_kwh AS unregistered_kwh, coalesce(v.note, '') AS note
FROM inspection v JOIN usage_point p ON p.id = v.usage_point_id
WHERE v.outcome IS NOT NULL AND v.inspected_on IS NOT NULL AND {{classes}}
"""

EXPORTS_QUERY = """
SELECT i.usage_point_id, p.bucket_class, r.installation_id, r.read_on AS day,
    r.index_value * coalesce(
        (SELECT mm.multiplier FROM meter_multiplier mm
         WHERE mm.installation_id = r.installation_id AND mm.valid_from <= r.read_on
         ORDER BY mm.valid_from DESC LIMIT 1), 1) AS index_kwh
FROM meter_reading r
JOIN meter_installation i ON i.id = r.installation_id
JOIN usage_point p ON p.id = i.usage_point_id
WHERE r.register = 'export' AND r.read_on >= '{panel_start}' AND {classes}
"""

INTERVALS_QUERY = f"""
SELECT i.usage_point_id, p.bucket_class, {_code("r.quantity", QUANTITIES)} AS quantity, r.phase,
    extract(epoch FROM r.started_at)::int8 AS second, r.duration_minutes, r.value
FROM interval_reading r
JOIN meter_installation i ON i.id = r.installation_id
JOIN usage_point p ON p.id = i.usage_point_id
WHERE r.started_at >= '{{intervals_start}}' AND {{classes}}
"""

TRANSFORMERS_QUERY = """
SELECT t.id AS transformer_id, t.code, coalesce(t.district_id, -1) AS district_id, coalesce(t.feeder_id, -1) AS feeder_id,
    e.period_start, e.period_end, e.delivered_kwh
FROM distribution_transformer t LEFT JOIN transformer_energy e ON e.transformer_id = t.id
ORDER BY t.id, e.period_start
"""
