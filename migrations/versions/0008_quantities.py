"""Interval readings, licences of terms, and the lake's notice of them, of visits and of export registers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_EVENT_KINDS = (
    "terminal_cover_removed",
    "meter_cover_removed",
    "module_cover_opened",
    "magnetic_field",
    "wrong_password",
    "configuration_changed",
    "clock_adjusted",
    "reverse_run",
    "current_without_voltage",
    "neutral_disturbance",
    "event_log_cleared",
    "power_failure",
    "power_returned",
    "phase_outage",
    "under_voltage",
    "battery_low",
    "remote_disconnection",
    "remote_connection",
    "other",
)
_NEW_EVENT_KIND = "low_power_factor"
_EVENT_CHECK = "end_device_event_kind"

# How the changed rows of a table ("rows") lead to usage points ("p"). Only the export register is in the lake: the
# others come with the bills, and a load of readings must not rebuild it twice.
_BY_INSTALLATION = "rows r JOIN meter_installation i ON i.id = r.installation_id JOIN usage_point p ON p.id = i.usage_point_id"
_PATHS = {
    "interval_reading": _BY_INSTALLATION,
    "meter_reading": f"{_BY_INSTALLATION} WHERE r.register = 'export'",
    "inspection": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
}

_FUNCTION = """
CREATE FUNCTION note_lake_change_{table}_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lake_change (bucket_class, version)
    SELECT c.bucket_class, nextval('lake_change_version')
    FROM ({classes} ORDER BY bucket_class) AS c
    ON CONFLICT (bucket_class) DO UPDATE SET version = excluded.version;
    RETURN NULL;
END $$
"""

_EVENTS = {
    "insert": ("NEW TABLE AS new_rows", ("new_rows",)),
    "update": ("OLD TABLE AS old_rows NEW TABLE AS new_rows", ("old_rows", "new_rows")),
    "delete": ("OLD TABLE AS old_rows", ("old_rows",)),
}


def upgrade() -> None:
    op.add_column("usage_point_term", sa.Column("licence_expires_on", sa.Date(), nullable=True))
    _allow_events((*_EVENT_KINDS, _NEW_EVENT_KIND))
    op.create_table(
        "interval_reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "quantity",
            sa.Enum(
                "active_energy_kwh",
                "reactive_energy_kvarh",
                "export_energy_kwh",
                "active_power_kw",
                "voltage_v",
                "current_a",
                "power_factor",
                name="metered_quantity",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("phase", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("duration_minutes", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.CheckConstraint("phase BETWEEN 0 AND 4", name=op.f("ck_interval_reading_phase")),
        sa.CheckConstraint("duration_minutes BETWEEN 0 AND 1440", name=op.f("ck_interval_reading_duration")),
        sa.ForeignKeyConstraint(
            ["installation_id"],
            ["meter_installation.id"],
            name=op.f("fk_interval_reading_installation_id_meter_installation"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_interval_reading")),
        sa.UniqueConstraint(
            "installation_id",
            "quantity",
            "phase",
            "started_at",
            name=op.f("uq_interval_reading_installation_id_quantity_phase_started_at"),
        ),
    )
    op.create_index(op.f("ix_interval_reading_started_at"), "interval_reading", ["started_at"], unique=False)
    for table, path in _PATHS.items():
        for event, (referencing, transitions) in _EVENTS.items():
            # A UNION of several selects is distinct by itself; the keyword covers the single one.
            classes = " UNION ".join(
                f"SELECT DISTINCT p.bucket_class FROM {path.replace('rows', rows, 1)}" for rows in transitions
            )
            op.execute(_FUNCTION.format(table=table, event=event, classes=classes))
            op.execute(
                f"CREATE TRIGGER lake_change_{event} AFTER {event.upper()} ON {table} REFERENCING {referencing} "
                f"FOR EACH STATEMENT EXECUTE FUNCTION note_lake_change_{table}_{event}()"
            )


def downgrade() -> None:
    for table in _PATHS:
        for event in _EVENTS:
            op.execute(f"DROP TRIGGER lake_change_{event} ON {table}")
            op.execute(f"DROP FUNCTION note_lake_change_{table}_{event}()")
    op.drop_table("interval_reading")
    op.execute(f"DELETE FROM end_device_event WHERE kind = '{_NEW_EVENT_KIND}'")
    _allow_events(_EVENT_KINDS)
    op.drop_column("usage_point_term", "licence_expires_on")


def _allow_events(kinds: tuple[str, ...]) -> None:
    name = op.f(f"ck_end_device_event_{_EVENT_CHECK}")
    op.drop_constraint(name, "end_device_event", type_="check")
    op.create_check_constraint(name, "end_device_event", sa.column("kind").in_(kinds))
