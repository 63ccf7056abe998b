"""Models that rank points for inspection, and which of them is in force."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .base import Base, CreatedAt, Key


class RankingModel(Base):
    """A trained model. `version` is a hash of its data and parameters: training the same twice adds nothing."""

    __tablename__ = "ranking_model"
    __table_args__ = (
        UniqueConstraint("version"),
        CheckConstraint("version ~ '^[0-9a-f]{12}$'", name="version"),
        CheckConstraint("hits > 0 AND points > hits", name="outcomes"),
    )

    id: Mapped[Key]
    version: Mapped[str]
    trained_at: Mapped[CreatedAt]
    # Hash of the histories and outcomes that it was trained on.
    data_hash: Mapped[str]
    points: Mapped[int]
    hits: Mapped[int]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSONB)
    metrics: Mapped[dict[str, Any]] = mapped_column(JSONB)
    # Members, calibration, and which point was trained on in which fold: compressed JSON.
    content: Mapped[bytes] = mapped_column(LargeBinary)

    promotions: Mapped[list[RankingPromotion]] = relationship(lazy="raise", back_populates="model")


class RankingPromotion(Base):
    """That a model was put in force. The newest that was not rolled back is what ranks."""

    __tablename__ = "ranking_promotion"
    __table_args__ = (Index(None, "model_id"),)

    id: Mapped[Key]
    model_id: Mapped[int] = mapped_column(ForeignKey("ranking_model.id"))
    promoted_at: Mapped[CreatedAt]
    rolled_back_at: Mapped[dt.datetime | None]

    model: Mapped[RankingModel] = relationship(lazy="raise", back_populates="promotions")
