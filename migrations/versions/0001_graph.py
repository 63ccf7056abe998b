"""The graph: parties, points, metering, network, billing, cases, runs"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "customer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("customer_no", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "person",
                "legal_entity",
                name="customer_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="person",
            nullable=False,
        ),
        sa.Column(
            "sector",
            sa.Enum(
                "government", "private", name="sector", native_enum=False, create_constraint=True, length=32
            ),
            server_default="private",
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("name_search_key", sa.Text(), nullable=True),
        sa.Column("national_id", sa.Text(), nullable=True),
        sa.Column("legal_entity_id", sa.Text(), nullable=True),
        sa.Column("mobile", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("legal_entity_id ~ '^[0-9]{11}$'", name=op.f("ck_customer_legal_entity_id")),
        sa.CheckConstraint("mobile ~ '^[+]989[0-9]{9}$'", name=op.f("ck_customer_mobile")),
        sa.CheckConstraint("national_id ~ '^[0-9]{10}$'", name=op.f("ck_customer_national_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("customer_no", name=op.f("uq_customer_customer_no")),
        info={"natural_key": ("customer_no",)},
    )
    op.create_index(op.f("ix_customer_legal_entity_id"), "customer", ["legal_entity_id"], unique=False)
    op.create_index(op.f("ix_customer_name_search_key"), "customer", ["name_search_key"], unique=False)
    op.create_index(op.f("ix_customer_national_id"), "customer", ["national_id"], unique=False)
    op.create_index(op.f("ix_customer_sector_id"), "customer", ["sector", "id"], unique=False)
    op.create_table(
        "district",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_district")),
        sa.UniqueConstraint("code", name=op.f("uq_district_code")),
        info={"natural_key": ("code",)},
    )
    op.create_table(
        "exchange_point",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_point")),
        sa.UniqueConstraint("code", name=op.f("uq_exchange_point_code")),
        info={"natural_key": ("code",)},
    )
    op.create_table(
        "import_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("sources", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "succeeded",
                "partial",
                "failed",
                name="run_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="running",
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
    )
    op.create_table(
        "lake_change",
        sa.Column("bucket_class", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket_class", name=op.f("pk_lake_change")),
    )
    op.create_table(
        "meter",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("serial_no", sa.Text(), nullable=False),
        sa.Column("manufacturer", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("register_digits", sa.SmallInteger(), nullable=True),
        sa.Column("is_smart", sa.Boolean(), nullable=True),
        sa.CheckConstraint("register_digits BETWEEN 3 AND 12", name=op.f("ck_meter_register_digits")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter")),
        sa.UniqueConstraint("serial_no", name=op.f("uq_meter_serial_no")),
        info={"natural_key": ("serial_no",)},
    )
    op.create_table(
        "rule_version",
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("definition", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("rule_id", "version", name=op.f("pk_rule_version")),
        info={"natural_key": ("rule_id", "version")},
    )
    op.create_table(
        "scan_run",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "running",
                "succeeded",
                "partial",
                "failed",
                name="run_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="running",
            nullable=False,
        ),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("lake_generation", sa.Text(), nullable=False),
        sa.Column("catalogue_hash", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_run")),
    )
    op.create_table(
        "end_device_event",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
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
                name="end_device_event_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("raw_code", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.id"], name=op.f("fk_end_device_event_meter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_end_device_event")),
        sa.UniqueConstraint(
            "meter_id", "occurred_at", "kind", name=op.f("uq_end_device_event_meter_id_occurred_at_kind")
        ),
        info={"natural_key": ("meter_id", "occurred_at", "kind")},
    )
    op.create_table(
        "feeder",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("exchange_point_id", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["exchange_point_id"], ["exchange_point.id"], name=op.f("fk_feeder_exchange_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feeder")),
        sa.UniqueConstraint("code", name=op.f("uq_feeder_code")),
        info={"natural_key": ("code",)},
    )
    op.create_index(op.f("ix_feeder_exchange_point_id"), "feeder", ["exchange_point_id"], unique=False)
    op.create_table(
        "quarantined_row",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("fingerprint", sa.Uuid(), nullable=False),
        sa.Column("import_run_id", sa.BigInteger(), nullable=False),
        sa.Column("mapping", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("row_number", sa.BigInteger(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("column", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=True),
        sa.Column("raw", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("row_number >= 0", name=op.f("ck_quarantined_row_row_number")),
        sa.ForeignKeyConstraint(
            ["import_run_id"], ["import_run.id"], name=op.f("fk_quarantined_row_import_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_row")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_quarantined_row_fingerprint")),
        info={"natural_key": ("fingerprint",)},
    )
    op.create_index(
        op.f("ix_quarantined_row_import_run_id_id"), "quarantined_row", ["import_run_id", "id"], unique=False
    )
    op.create_index(op.f("ix_quarantined_row_reason_id"), "quarantined_row", ["reason", "id"], unique=False)
    op.create_table(
        "supply_agreement",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agreement_no", sa.Text(), nullable=False),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("signed_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_supply_agreement_customer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supply_agreement")),
        sa.UniqueConstraint("agreement_no", name=op.f("uq_supply_agreement_agreement_no")),
        info={"natural_key": ("agreement_no",)},
    )
    op.create_index(
        op.f("ix_supply_agreement_customer_id"), "supply_agreement", ["customer_id"], unique=False
    )
    op.create_table(
        "distribution_transformer",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("feeder_id", sa.BigInteger(), nullable=True),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column("rated_power_kva", sa.Double(), nullable=True),
        sa.CheckConstraint("rated_power_kva > 0", name=op.f("ck_distribution_transformer_rated_power")),
        sa.ForeignKeyConstraint(
            ["district_id"], ["district.id"], name=op.f("fk_distribution_transformer_district_id")
        ),
        sa.ForeignKeyConstraint(
            ["feeder_id"], ["feeder.id"], name=op.f("fk_distribution_transformer_feeder_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_distribution_transformer")),
        sa.UniqueConstraint("code", name=op.f("uq_distribution_transformer_code")),
        info={"natural_key": ("code",)},
    )
    op.create_index(
        op.f("ix_distribution_transformer_district_id"),
        "distribution_transformer",
        ["district_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_distribution_transformer_feeder_id"), "distribution_transformer", ["feeder_id"], unique=False
    )
    op.create_table(
        "transformer_energy",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transformer_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("delivered_kwh", sa.Double(), nullable=False),
        sa.CheckConstraint("delivered_kwh >= 0", name=op.f("ck_transformer_energy_delivered")),
        sa.CheckConstraint("period_end > period_start", name=op.f("ck_transformer_energy_period")),
        sa.ForeignKeyConstraint(
            ["transformer_id"],
            ["distribution_transformer.id"],
            name=op.f("fk_transformer_energy_transformer_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transformer_energy")),
        sa.UniqueConstraint(
            "transformer_id", "period_start", name=op.f("uq_transformer_energy_transformer_id_period_start")
        ),
        info={"natural_key": ("transformer_id", "period_start")},
    )
    op.create_table(
        "usage_point",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subscription_no", sa.Text(), nullable=False),
        sa.Column("bill_id", sa.Text(), nullable=True),
        sa.Column(
            "commodity",
            sa.Enum(
                "electricity",
                "gas",
                "water",
                name="commodity",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="electricity",
            nullable=False,
        ),
        sa.Column("district_id", sa.BigInteger(), nullable=False),
        sa.Column("transformer_id", sa.BigInteger(), nullable=True),
        sa.Column("phase_count", sa.SmallInteger(), nullable=True),
        sa.Column("activity_code", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("energised_on", sa.Date(), nullable=True),
        sa.Column(
            "bucket_class",
            sa.SmallInteger(),
            sa.Computed("('x' || substr(md5(subscription_no), 1, 3))::bit(12)::int", persisted=True),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("bill_id ~ '^[0-9]{6,13}$'", name=op.f("ck_usage_point_bill_id")),
        sa.CheckConstraint(
            "latitude BETWEEN -90 AND 90 AND longitude BETWEEN -180 AND 180",
            name=op.f("ck_usage_point_position"),
        ),
        sa.CheckConstraint("phase_count IN (1, 3)", name=op.f("ck_usage_point_phase_count")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_usage_point_district_id")),
        sa.ForeignKeyConstraint(
            ["transformer_id"], ["distribution_transformer.id"], name=op.f("fk_usage_point_transformer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_point")),
        sa.UniqueConstraint("subscription_no", name=op.f("uq_usage_point_subscription_no")),
        info={"natural_key": ("subscription_no",)},
    )
    op.create_index(op.f("ix_usage_point_bill_id"), "usage_point", ["bill_id"], unique=False)
    op.create_index(op.f("ix_usage_point_bucket_class"), "usage_point", ["bucket_class"], unique=False)
    op.create_index(op.f("ix_usage_point_district_id_id"), "usage_point", ["district_id", "id"], unique=False)
    op.create_index(op.f("ix_usage_point_transformer_id"), "usage_point", ["transformer_id"], unique=False)
    op.create_table(
        "agreement_usage_point",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_agreement_usage_point_validity")
        ),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["supply_agreement.id"], name=op.f("fk_agreement_usage_point_agreement_id")
        ),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_agreement_usage_point_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_usage_point")),
        sa.UniqueConstraint(
            "usage_point_id", "valid_from", name=op.f("uq_agreement_usage_point_usage_point_id_valid_from")
        ),
        info={"natural_key": ("usage_point_id", "valid_from"), "validity_of": ("usage_point_id",)},
    )
    op.create_index(
        op.f("ix_agreement_usage_point_agreement_id"), "agreement_usage_point", ["agreement_id"], unique=False
    )
    op.create_table(
        "case",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_no", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column(
            "family",
            sa.Enum(
                "theft",
                "billing",
                "reading",
                "debt",
                name="rule_family",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "subject_kind",
            sa.Enum(
                "usage_point",
                "customer",
                "transformer",
                name="subject_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("subject_key", sa.Text(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=True),
        sa.Column("transformer_id", sa.BigInteger(), nullable=True),
        sa.Column("district_id", sa.BigInteger(), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "open",
                "in_review",
                "inspection_ordered",
                "confirmed",
                "dismissed",
                name="case_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="open",
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "low",
                "medium",
                "high",
                "critical",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("energy_at_risk_kwh", sa.Double(), nullable=False),
        sa.Column("money_at_risk_rial", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Double(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_reason", sa.Text(), nullable=True),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("first_scan_run_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (state IN ('open', 'in_review', 'inspection_ordered'))",
            name=op.f("ck_case_closed"),
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_case_confidence")),
        sa.CheckConstraint(
            "money_at_risk_rial >= 0 AND energy_at_risk_kwh >= 0", name=op.f("ck_case_at_risk")
        ),
        sa.CheckConstraint(
            "num_nonnulls(usage_point_id, customer_id, transformer_id) = 1", name=op.f("ck_case_one_subject")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_case_customer_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_case_district_id")),
        sa.ForeignKeyConstraint(
            ["first_scan_run_id"], ["scan_run.id"], name=op.f("fk_case_first_scan_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["transformer_id"], ["distribution_transformer.id"], name=op.f("fk_case_transformer_id")
        ),
        sa.ForeignKeyConstraint(["usage_point_id"], ["usage_point.id"], name=op.f("fk_case_usage_point_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case")),
        sa.UniqueConstraint("case_no", name=op.f("uq_case_case_no")),
        info={"natural_key": ("id",)},
    )
    op.create_index(
        "ix_case_closed_subject",
        "case",
        ["subject_kind", "subject_key", "family"],
        unique=False,
        postgresql_where=sa.text("closed_at IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_case_customer_id"),
        "case",
        ["customer_id"],
        unique=False,
        postgresql_where=sa.text("customer_id IS NOT NULL"),
    )
    op.create_index(
        "ix_case_district_queue",
        "case",
        ["district_id", "state", sa.literal_column("priority DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(op.f("ix_case_first_scan_run_id"), "case", ["first_scan_run_id"], unique=False)
    op.create_index(
        "ix_case_priority",
        "case",
        [sa.literal_column("priority DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_case_queue",
        "case",
        ["state", sa.literal_column("priority DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        op.f("ix_case_transformer_id"),
        "case",
        ["transformer_id"],
        unique=False,
        postgresql_where=sa.text("transformer_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_case_usage_point_id"),
        "case",
        ["usage_point_id"],
        unique=False,
        postgresql_where=sa.text("usage_point_id IS NOT NULL"),
    )
    op.create_index(
        "uq_case_live",
        "case",
        ["subject_kind", "subject_key", "family"],
        unique=True,
        postgresql_where=sa.text("state IN ('open', 'in_review', 'inspection_ordered')"),
    )
    op.create_table(
        "meter_installation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("meter_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_meter_installation_validity")
        ),
        sa.ForeignKeyConstraint(["meter_id"], ["meter.id"], name=op.f("fk_meter_installation_meter_id")),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_meter_installation_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_installation")),
        sa.UniqueConstraint(
            "usage_point_id", "meter_id", name=op.f("uq_meter_installation_usage_point_id_meter_id")
        ),
        info={"natural_key": ("usage_point_id", "meter_id")},
    )
    op.create_index(op.f("ix_meter_installation_meter_id"), "meter_installation", ["meter_id"], unique=False)
    op.create_table(
        "payment",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_no", sa.Text(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_rial", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("bank_code", sa.Text(), nullable=True),
        sa.CheckConstraint("amount_rial > 0", name=op.f("ck_payment_amount")),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_payment_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment")),
        sa.UniqueConstraint("payment_no", name=op.f("uq_payment_payment_no")),
        info={"natural_key": ("payment_no",)},
    )
    op.create_index(
        op.f("ix_payment_usage_point_id_paid_on"), "payment", ["usage_point_id", "paid_on"], unique=False
    )
    op.create_table(
        "usage_point_status",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "disconnected",
                "removed",
                "declared_vacant",
                "seasonal",
                "generation_contract",
                "critical_load",
                name="usage_point_status_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_usage_point_status_validity")
        ),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_usage_point_status_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_point_status")),
        sa.UniqueConstraint(
            "usage_point_id",
            "kind",
            "valid_from",
            name=op.f("uq_usage_point_status_usage_point_id_kind_valid_from"),
        ),
        info={"natural_key": ("usage_point_id", "kind", "valid_from")},
    )
    op.create_table(
        "usage_point_term",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column(
            "tariff_class",
            sa.Enum(
                "residential",
                "public",
                "agricultural",
                "industrial",
                "other",
                name="tariff_class",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("tariff_code", sa.Text(), nullable=True),
        sa.Column("tariff_option", sa.SmallInteger(), nullable=True),
        sa.Column("contracted_power_kw", sa.Double(), nullable=True),
        sa.Column("permitted_power_kw", sa.Double(), nullable=True),
        sa.Column(
            "segment",
            sa.Enum(
                "ordinary", "demand", name="segment", native_enum=False, create_constraint=True, length=32
            ),
            sa.Computed(
                "CASE WHEN contracted_power_kw > 30 THEN 'demand' ELSE 'ordinary' END", persisted=True
            ),
            nullable=False,
        ),
        sa.CheckConstraint("contracted_power_kw > 0", name=op.f("ck_usage_point_term_contracted_power")),
        sa.CheckConstraint("tariff_option BETWEEN 1 AND 9", name=op.f("ck_usage_point_term_tariff_option")),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_usage_point_term_validity")
        ),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_usage_point_term_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_usage_point_term")),
        sa.UniqueConstraint(
            "usage_point_id", "valid_from", name=op.f("uq_usage_point_term_usage_point_id_valid_from")
        ),
        info={"natural_key": ("usage_point_id", "valid_from"), "validity_of": ("usage_point_id",)},
    )
    op.create_table(
        "inspection",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("inspection_no", sa.Text(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=True),
        sa.Column("ordered_on", sa.Date(), nullable=True),
        sa.Column("inspected_on", sa.Date(), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "theft",
                "meter_fault",
                "billing_error",
                "clean",
                "no_access",
                name="inspection_outcome",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column("unregistered_energy_kwh", sa.Double(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_inspection_case_id")),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_inspection_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
        sa.UniqueConstraint("inspection_no", name=op.f("uq_inspection_inspection_no")),
        info={"natural_key": ("inspection_no",)},
    )
    op.create_index(op.f("ix_inspection_case_id"), "inspection", ["case_id"], unique=False)
    op.create_index(op.f("ix_inspection_usage_point_id"), "inspection", ["usage_point_id"], unique=False)
    op.create_table(
        "invoice",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=False),
        sa.Column("agreement_id", sa.BigInteger(), nullable=True),
        sa.Column("installation_id", sa.BigInteger(), nullable=True),
        sa.Column("invoice_no", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "ordinary",
                "provisional",
                "revised",
                "final",
                name="invoice_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="ordinary",
            nullable=False,
        ),
        sa.Column("billing_year", sa.SmallInteger(), nullable=True),
        sa.Column("billing_period", sa.SmallInteger(), nullable=True),
        sa.Column("bill_id", sa.Text(), nullable=True),
        sa.Column("payment_id", sa.Text(), nullable=True),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("period_end", sa.Date(), nullable=False),
        sa.Column("is_start_derived", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column(
            "reading_quality",
            sa.Enum(
                "actual",
                "estimated",
                "self_read",
                "no_access",
                name="reading_quality",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="actual",
            nullable=False,
        ),
        sa.Column("previous_index", sa.Double(), nullable=True),
        sa.Column("current_index", sa.Double(), nullable=True),
        sa.Column("multiplier", sa.Double(), server_default="1", nullable=False),
        sa.Column("consumption_kwh", sa.Double(), nullable=False),
        sa.Column("mid_kwh", sa.Double(), nullable=True),
        sa.Column("peak_kwh", sa.Double(), nullable=True),
        sa.Column("low_kwh", sa.Double(), nullable=True),
        sa.Column("reactive_kvarh", sa.Double(), nullable=True),
        sa.Column("step_1_kwh", sa.Double(), nullable=True),
        sa.Column("step_2_kwh", sa.Double(), nullable=True),
        sa.Column("step_3_kwh", sa.Double(), nullable=True),
        sa.Column("step_4_kwh", sa.Double(), nullable=True),
        sa.Column("read_demand_kw", sa.Double(), nullable=True),
        sa.Column("calculated_demand_kw", sa.Double(), nullable=True),
        sa.Column("payable_rial", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("bill_id ~ '^[0-9]{6,13}$'", name=op.f("ck_invoice_bill_id")),
        sa.CheckConstraint("payment_id ~ '^[0-9]{6,13}$'", name=op.f("ck_invoice_payment_id")),
        sa.CheckConstraint(
            "(billing_year IS NULL) = (billing_period IS NULL)", name=op.f("ck_invoice_billing_period")
        ),
        sa.CheckConstraint("consumption_kwh >= 0", name=op.f("ck_invoice_consumption")),
        sa.CheckConstraint("multiplier > 0", name=op.f("ck_invoice_multiplier")),
        sa.CheckConstraint("payable_rial >= 0", name=op.f("ck_invoice_payable")),
        sa.CheckConstraint("period_end > period_start", name=op.f("ck_invoice_period")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["supply_agreement.id"], name=op.f("fk_invoice_agreement_id")
        ),
        sa.ForeignKeyConstraint(
            ["installation_id"], ["meter_installation.id"], name=op.f("fk_invoice_installation_id")
        ),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_invoice_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice")),
        sa.UniqueConstraint(
            "usage_point_id",
            "billing_year",
            "billing_period",
            name=op.f("uq_invoice_usage_point_id_billing_year_billing_period"),
        ),
        sa.UniqueConstraint(
            "usage_point_id", "invoice_no", name=op.f("uq_invoice_usage_point_id_invoice_no")
        ),
        info={"natural_key": ("usage_point_id", "invoice_no")},
    )
    op.create_index(op.f("ix_invoice_agreement_id"), "invoice", ["agreement_id"], unique=False)
    op.create_index(op.f("ix_invoice_installation_id"), "invoice", ["installation_id"], unique=False)
    op.create_index(
        op.f("ix_invoice_usage_point_id_period_end"),
        "invoice",
        ["usage_point_id", "period_end"],
        unique=False,
    )
    op.create_table(
        "meter_multiplier",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("multiplier", sa.Double(), nullable=False),
        sa.CheckConstraint("multiplier > 0", name=op.f("ck_meter_multiplier_multiplier")),
        sa.CheckConstraint(
            "valid_to IS NULL OR valid_to > valid_from", name=op.f("ck_meter_multiplier_validity")
        ),
        sa.ForeignKeyConstraint(
            ["installation_id"], ["meter_installation.id"], name=op.f("fk_meter_multiplier_installation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_multiplier")),
        sa.UniqueConstraint(
            "installation_id", "valid_from", name=op.f("uq_meter_multiplier_installation_id_valid_from")
        ),
        info={"natural_key": ("installation_id", "valid_from"), "validity_of": ("installation_id",)},
    )
    op.create_table(
        "meter_reading",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("installation_id", sa.BigInteger(), nullable=False),
        sa.Column("read_on", sa.Date(), nullable=False),
        sa.Column(
            "register",
            sa.Enum(
                "total",
                "mid",
                "peak",
                "low",
                "friday_peak",
                "reactive",
                "maximeter",
                "export",
                name="register",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="total",
            nullable=False,
        ),
        sa.Column("index_value", sa.Double(), nullable=False),
        sa.Column(
            "quality",
            sa.Enum(
                "actual",
                "estimated",
                "self_read",
                "no_access",
                name="reading_quality",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            server_default="actual",
            nullable=False,
        ),
        sa.Column("meter_state_code", sa.Text(), nullable=True),
        sa.Column("reader_note_code", sa.Text(), nullable=True),
        sa.Column("meter_model_code", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["installation_id"], ["meter_installation.id"], name=op.f("fk_meter_reading_installation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meter_reading")),
        sa.UniqueConstraint(
            "installation_id",
            "read_on",
            "register",
            "index_value",
            name=op.f("uq_meter_reading_installation_id_read_on_register_index_value"),
        ),
        info={"natural_key": ("installation_id", "read_on", "register", "index_value")},
    )
    op.create_table(
        "finding",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("case_id", sa.Uuid(), nullable=False),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column(
            "severity",
            sa.Enum(
                "low",
                "medium",
                "high",
                "critical",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("energy_at_risk_kwh", sa.Double(), nullable=False),
        sa.Column("money_at_risk_rial", sa.BigInteger(), nullable=False),
        sa.Column("evidence_from", sa.Date(), nullable=True),
        sa.Column("evidence_to", sa.Date(), nullable=True),
        sa.Column("invoice_id", sa.BigInteger(), nullable=True),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sentence_fa", sa.Text(), nullable=False),
        sa.Column("sentence_en", sa.Text(), nullable=False),
        sa.Column("first_scan_run_id", sa.BigInteger(), nullable=False),
        sa.Column("ended_scan_run_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_finding_confidence")),
        sa.ForeignKeyConstraint(["case_id"], ["case.id"], name=op.f("fk_finding_case_id")),
        sa.ForeignKeyConstraint(
            ["ended_scan_run_id"], ["scan_run.id"], name=op.f("fk_finding_ended_scan_run_id")
        ),
        sa.ForeignKeyConstraint(
            ["first_scan_run_id"], ["scan_run.id"], name=op.f("fk_finding_first_scan_run_id")
        ),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_finding_invoice_id")),
        sa.ForeignKeyConstraint(
            ["rule_id", "rule_version"],
            ["rule_version.rule_id", "rule_version.version"],
            name=op.f("fk_finding_rule_id_rule_version"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
        info={"natural_key": ("id",)},
    )
    op.create_index(op.f("ix_finding_case_id_rule_id"), "finding", ["case_id", "rule_id"], unique=False)
    op.create_index(
        op.f("ix_finding_ended_scan_run_id"),
        "finding",
        ["ended_scan_run_id"],
        unique=False,
        postgresql_where=sa.text("ended_scan_run_id IS NOT NULL"),
    )
    op.create_index(op.f("ix_finding_first_scan_run_id"), "finding", ["first_scan_run_id"], unique=False)
    op.create_index(
        op.f("ix_finding_invoice_id"),
        "finding",
        ["invoice_id"],
        unique=False,
        postgresql_where=sa.text("invoice_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_finding_rule_id_rule_version"), "finding", ["rule_id", "rule_version"], unique=False
    )
    op.create_table(
        "invoice_line",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("line_code", sa.Text(), nullable=False),
        sa.Column("amount_rial", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoice.id"], name=op.f("fk_invoice_line_invoice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint("invoice_id", "line_code", name=op.f("uq_invoice_line_invoice_id_line_code")),
        info={"natural_key": ("invoice_id", "line_code")},
    )
    op.create_table(
        "payment_allocation",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payment_id", sa.BigInteger(), nullable=False),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_rial", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_rial > 0", name=op.f("ck_payment_allocation_amount")),
        sa.ForeignKeyConstraint(
            ["invoice_id"], ["invoice.id"], name=op.f("fk_payment_allocation_invoice_id")
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payment.id"], name=op.f("fk_payment_allocation_payment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_allocation")),
        sa.UniqueConstraint(
            "payment_id", "invoice_id", name=op.f("uq_payment_allocation_payment_id_invoice_id")
        ),
        info={"natural_key": ("payment_id", "invoice_id")},
    )
    op.create_index(
        op.f("ix_payment_allocation_invoice_id"), "payment_allocation", ["invoice_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_payment_allocation_invoice_id"), table_name="payment_allocation")
    op.drop_table("payment_allocation")
    op.drop_table("invoice_line")
    op.drop_index(op.f("ix_finding_rule_id_rule_version"), table_name="finding")
    op.drop_index(
        op.f("ix_finding_invoice_id"),
        table_name="finding",
        postgresql_where=sa.text("invoice_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_finding_first_scan_run_id"), table_name="finding")
    op.drop_index(
        op.f("ix_finding_ended_scan_run_id"),
        table_name="finding",
        postgresql_where=sa.text("ended_scan_run_id IS NOT NULL"),
    )
    op.drop_index(op.f("ix_finding_case_id_rule_id"), table_name="finding")
    op.drop_table("finding")
    op.drop_table("meter_reading")
    op.drop_table("meter_multiplier")
    op.drop_index(op.f("ix_invoice_usage_point_id_period_end"), table_name="invoice")
    op.drop_index(op.f("ix_invoice_installation_id"), table_name="invoice")
    op.drop_index(op.f("ix_invoice_agreement_id"), table_name="invoice")
    op.drop_table("invoice")
    op.drop_index(op.f("ix_inspection_usage_point_id"), table_name="inspection")
    op.drop_index(op.f("ix_inspection_case_id"), table_name="inspection")
    op.drop_table("inspection")
    op.drop_table("usage_point_term")
    op.drop_table("usage_point_status")
    op.drop_index(op.f("ix_payment_usage_point_id_paid_on"), table_name="payment")
    op.drop_table("payment")
    op.drop_index(op.f("ix_meter_installation_meter_id"), table_name="meter_installation")
    op.drop_table("meter_installation")
    op.drop_index(
        "uq_case_live",
        table_name="case",
        postgresql_where=sa.text("state IN ('open', 'in_review', 'inspection_ordered')"),
    )
    op.drop_index(
        op.f("ix_case_usage_point_id"),
        table_name="case",
        postgresql_where=sa.text("usage_point_id IS NOT NULL"),
    )
    op.drop_index(
        op.f("ix_case_transformer_id"),
        table_name="case",
        postgresql_where=sa.text("transformer_id IS NOT NULL"),
    )
    op.drop_index("ix_case_queue", table_name="case")
    op.drop_index("ix_case_priority", table_name="case")
    op.drop_index(op.f("ix_case_first_scan_run_id"), table_name="case")
    op.drop_index("ix_case_district_queue", table_name="case")
    op.drop_index(
        op.f("ix_case_customer_id"), table_name="case", postgresql_where=sa.text("customer_id IS NOT NULL")
    )
    op.drop_index(
        "ix_case_closed_subject", table_name="case", postgresql_where=sa.text("closed_at IS NOT NULL")
    )
    op.drop_table("case")
    op.drop_index(op.f("ix_agreement_usage_point_agreement_id"), table_name="agreement_usage_point")
    op.drop_table("agreement_usage_point")
    op.drop_index(op.f("ix_usage_point_transformer_id"), table_name="usage_point")
    op.drop_index(op.f("ix_usage_point_district_id_id"), table_name="usage_point")
    op.drop_index(op.f("ix_usage_point_bucket_class"), table_name="usage_point")
    op.drop_index(op.f("ix_usage_point_bill_id"), table_name="usage_point")
    op.drop_table("usage_point")
    op.drop_table("transformer_energy")
    op.drop_index(op.f("ix_distribution_transformer_feeder_id"), table_name="distribution_transformer")
    op.drop_index(op.f("ix_distribution_transformer_district_id"), table_name="distribution_transformer")
    op.drop_table("distribution_transformer")
    op.drop_index(op.f("ix_supply_agreement_customer_id"), table_name="supply_agreement")
    op.drop_table("supply_agreement")
    op.drop_index(op.f("ix_quarantined_row_reason_id"), table_name="quarantined_row")
    op.drop_index(op.f("ix_quarantined_row_import_run_id_id"), table_name="quarantined_row")
    op.drop_table("quarantined_row")
    op.drop_index(op.f("ix_feeder_exchange_point_id"), table_name="feeder")
    op.drop_table("feeder")
    op.drop_table("end_device_event")
    op.drop_table("scan_run")
    op.drop_table("rule_version")
    op.drop_table("meter")
    op.drop_table("lake_change")
    op.drop_table("import_run")
    op.drop_table("exchange_point")
    op.drop_table("district")
    op.drop_index(op.f("ix_customer_sector_id"), table_name="customer")
    op.drop_index(op.f("ix_customer_national_id"), table_name="customer")
    op.drop_index(op.f("ix_customer_name_search_key"), table_name="customer")
    op.drop_index(op.f("ix_customer_legal_entity_id"), table_name="customer")
    op.drop_table("customer")
