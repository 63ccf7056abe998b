"""Staging schema, and triggers that note which bucket of usage points changed.

Statement triggers with transition tables: whoever writes, by whatever path, the next snapshot rebuilds just the
buckets that changed. A load of a million rows fires each once.
"""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# How the changed rows of a table ("rows") lead to usage points ("p").
_PATHS = {
    "usage_point": "rows AS p",
    "usage_point_term": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
    "usage_point_status": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
    "agreement_usage_point": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
    "meter_installation": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
    "invoice": "rows r JOIN usage_point p ON p.id = r.usage_point_id",
    "meter_multiplier": (
        "rows r JOIN meter_installation i ON i.id = r.installation_id JOIN usage_point p ON p.id = i.usage_point_id"
    ),
    "meter": (
        "rows r JOIN meter_installation i ON i.meter_id = r.id JOIN usage_point p ON p.id = i.usage_point_id"
    ),
    "end_device_event": (
        "rows r JOIN meter_installation i ON i.meter_id = r.meter_id JOIN usage_point p ON p.id = i.usage_point_id"
    ),
    "payment_allocation": (
        "rows r JOIN invoice i ON i.id = r.invoice_id JOIN usage_point p ON p.id = i.usage_point_id"
    ),
    "supply_agreement": (
        "rows r JOIN agreement_usage_point a ON a.agreement_id = r.id JOIN usage_point p ON p.id = a.usage_point_id"
    ),
    "customer": (
        "rows r JOIN supply_agreement s ON s.customer_id = r.id"
        " JOIN agreement_usage_point a ON a.agreement_id = s.id JOIN usage_point p ON p.id = a.usage_point_id"
    ),
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
    op.execute("CREATE SCHEMA staging")
    op.execute("CREATE SEQUENCE lake_change_version")
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
    op.execute("DROP SEQUENCE lake_change_version")
    op.execute("DROP SCHEMA staging CASCADE")
