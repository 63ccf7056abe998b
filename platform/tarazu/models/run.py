"""Runs of the machinery: what was imported, what was refused, what was scanned."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, Key, choice
from .enums import RunState, ScanKind


class ImportRun(Base):
    __tablename__ = "import_run"

    id: Mapped[Key]
    mapping: Mapped[str]
    sources: Mapped[list[str]] = mapped_column(JSONB)
    state: Mapped[RunState] = mapped_column(choice(RunState), server_default="running")
    started_at: Mapped[CreatedAt]
    finished_at: Mapped[dt.datetime | None]
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB)

    quarantined_rows: Mapped[list[QuarantinedRow]] = relationship(lazy="raise", viewonly=True)


class QuarantinedRow(Base):
    """A row of a source that was refused, with the place, the reason and the raw values.

    `fingerprint` names the refusal (mapping, file, row content, entity, column, reason): the same file twice
    adds nothing.
    """

    __tablename__ = "quarantined_row"
    __table_args__ = (
        UniqueConstraint("fingerprint"),
        Index(None, "import_run_id", "id"),
        Index(None, "reason", "id"),
        CheckConstraint("row_number >= 0", name="row_number"),
        {"info": {"natural_key": ("fingerprint",)}},
    )

    id: Mapped[Key]
    fingerprint: Mapped[uuid.UUID] = mapped_column(Uuid)
    import_run_id: Mapped[int] = mapped_column(ForeignKey("import_run.id"))
    mapping: Mapped[str]
    file: Mapped[str]
    row_number: Mapped[int]
    entity: Mapped[str]
    column: Mapped[str | None]
    reason: Mapped[str]
    value: Mapped[str | None]
    raw: Mapped[dict[str, Any]] = mapped_column(JSONB)
    created_at: Mapped[CreatedAt]

    import_run: Mapped[ImportRun] = relationship(lazy="raise")


class LakeChange(Base):
    """The version of each bucket class of usage points; triggers raise it when anything a scan reads changes.

    A snapshot remembers the versions it was built from and rebuilds only buckets whose versions differ.
    """

    __tablename__ = "lake_change"

    bucket_class: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    version: Mapped[int]


class ScanRun(Base):
    """A scan of everything, or an evaluation of what arrived since the last one.

    `merge_token` is written by the transaction that merges the findings: the newest says which kept results the cases
    were made of (see `etl.scan.standing`).
    """

    __tablename__ = "scan_run"

    id: Mapped[Key]
    kind: Mapped[ScanKind] = mapped_column(choice(ScanKind), server_default="scan")
    merge_token: Mapped[uuid.UUID | None] = mapped_column(Uuid)
    state: Mapped[RunState] = mapped_column(choice(RunState), server_default="running")
    as_of: Mapped[dt.date]
    lake_generation: Mapped[str]
    catalogue_hash: Mapped[str]
    started_at: Mapped[CreatedAt]
    finished_at: Mapped[dt.datetime | None]
    summary: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
