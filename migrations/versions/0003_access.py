"""Who may come in, what they did, and who reported what

The audit log is append-only: triggers refuse UPDATE, DELETE and TRUNCATE, also for replication roles, and the owner gives
up the privileges. Both can be undone by whoever owns the table; the hash chain shows it when they do.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_REFUSE = """
CREATE FUNCTION refuse_change_of_audit_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_event is append-only' USING ERRCODE = 'insufficient_privilege';
END $$
"""


def _role() -> sa.Enum:
    return sa.Enum(
        "analyst",
        "collection_officer",
        "inspector",
        "office_manager",
        "auditor",
        "administrator",
        "application",
        name="role",
        native_enum=False,
        create_constraint=True,
        length=32,
    )


def _scope() -> tuple[sa.Column[list[str]], sa.Column[list[str]]]:
    return (
        sa.Column("district_codes", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("sectors", postgresql.ARRAY(sa.Text()), nullable=True),
    )


def _now(name: str) -> sa.Column[dt.datetime]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "api_token",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", _role(), nullable=False),
        *_scope(),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        _now("created_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("octet_length(secret_sha256) = 32", name=op.f("ck_api_token_secret_sha256")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_api_token_expiry")),
        sa.CheckConstraint(
            "sectors <@ ARRAY['government', 'private']::text[]", name=op.f("ck_api_token_sectors")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_token_prefix")),
    )
    op.create_table(
        "user_account",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("role", _role(), nullable=False),
        *_scope(),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        _now("password_changed_at"),
        _now("created_at"),
        sa.CheckConstraint("username ~ '^[a-z0-9][a-z0-9._-]{1,63}$'", name=op.f("ck_user_account_username")),
        sa.CheckConstraint("failed_attempts >= 0", name=op.f("ck_user_account_failed_attempts")),
        sa.CheckConstraint(
            "sectors <@ ARRAY['government', 'private']::text[]", name=op.f("ck_user_account_sectors")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("username", name=op.f("uq_user_account_username")),
    )
    op.create_table(
        "login_session",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.LargeBinary(), nullable=False),
        sa.Column("user_account_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        _now("created_at"),
        sa.CheckConstraint("octet_length(secret_sha256) = 32", name=op.f("ck_login_session_secret_sha256")),
        sa.CheckConstraint("expires_at > created_at", name=op.f("ck_login_session_expiry")),
        sa.ForeignKeyConstraint(
            ["user_account_id"], ["user_account.id"], name=op.f("fk_login_session_user_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("prefix", name=op.f("uq_login_session_prefix")),
    )
    op.create_index(op.f("ix_login_session_user_account_id"), "login_session", ["user_account_id"])
    op.create_table(
        "audit_event",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("principal_id", sa.Text(), nullable=True),
        sa.Column("principal_name", sa.Text(), nullable=True),
        sa.Column("principal_role", sa.Text(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=True),
        sa.Column("subject_id", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id >= 1", name=op.f("ck_audit_event_id")),
        sa.CheckConstraint(
            "octet_length(previous_hash) = 32 AND octet_length(hash) = 32", name=op.f("ck_audit_event_hash")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_event")),
    )
    op.create_index(
        op.f("ix_audit_event_subject_type_subject_id_id"), "audit_event", ["subject_type", "subject_id", "id"]
    )
    op.create_index(op.f("ix_audit_event_principal_id_id"), "audit_event", ["principal_id", "id"])
    op.execute(_REFUSE)
    op.execute(
        "CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_event "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_event()"
    )
    op.execute("ALTER TABLE audit_event ENABLE ALWAYS TRIGGER append_only")
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON audit_event FROM CURRENT_USER, PUBLIC")
    op.create_table(
        "tip_off",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tip_off_no", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("usage_point_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "telephone",
                "in_person",
                "letter",
                "web",
                "message",
                name="tip_off_channel",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("reporter_ciphertext", sa.LargeBinary(), nullable=True),
        _now("created_at"),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.CheckConstraint("text <> ''", name=op.f("ck_tip_off_text")),
        sa.ForeignKeyConstraint(
            ["usage_point_id"], ["usage_point.id"], name=op.f("fk_tip_off_usage_point_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tip_off")),
        sa.UniqueConstraint("tip_off_no", name=op.f("uq_tip_off_tip_off_no")),
    )
    op.create_index(
        op.f("ix_tip_off_usage_point_id"),
        "tip_off",
        ["usage_point_id"],
        postgresql_where=sa.text("usage_point_id IS NOT NULL"),
    )
    op.create_index("ix_tip_off_newest", "tip_off", [sa.text("received_on DESC"), sa.text("tip_off_no DESC")])


def downgrade() -> None:
    op.drop_table("tip_off")
    op.drop_table("audit_event")
    op.execute("DROP FUNCTION refuse_change_of_audit_event()")
    op.drop_table("login_session")
    op.drop_table("user_account")
    op.drop_table("api_token")
