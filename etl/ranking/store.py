"""Models in the database: saved once by what they were trained on, put in force and taken back by promotions."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql

from rules.ranking.model import Calibration, Known, Model, Parameters
from tarazu.errors import NotFoundError
from tarazu.models import RankingModel, RankingPromotion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tarazu.database import ReadSession, WriteSession


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and, row by row, what it was trained on: what its learnt rates are computed from again.

    `row_key` as in `rules.ranking.learning.Lesson`.
    """

    model: Model
    row_key: NDArray[np.int64]
    outcome: NDArray[np.float64]
    fold: NDArray[np.int64]

    def known(self, row_key: NDArray[np.int64]) -> Known:
        """For the rows of another day: what has come since is unknown to the model."""
        order = np.argsort(self.row_key)
        keys = self.row_key[order]
        place = np.minimum(np.searchsorted(keys, row_key), len(keys) - 1)
        train = keys[place] == row_key
        row = order[place]
        return Known(
            train,
            np.where(train, self.outcome[row], 0.0),
            np.where(train, self.fold[row], 0).astype(np.int64),
        )


def pack(trained: Trained) -> bytes:
    """The same content gives the same bytes."""
    content = {
        "parameters": trained.model.parameters.to_json(),
        "features": trained.model.features,
        "members": trained.model.members,
        "calibration": asdict(trained.model.calibration),
        "row_key": _text(trained.row_key),
        "outcome": _text(trained.outcome.astype(np.int8)),
        "fold": _text(trained.fold.astype(np.int8)),
    }
    return gzip.compress(orjson.dumps(content), compresslevel=6, mtime=0)


def unpack(content: bytes) -> Trained:
    data = orjson.loads(gzip.decompress(content))
    parameters = data["parameters"]
    parameters |= {name: tuple(parameters[name]) for name in ("without", "rates")}
    model = Model(
        Parameters(**parameters),
        tuple(data["features"]),
        tuple(map(tuple, data["members"])),
        Calibration(**data["calibration"]),
    )
    return Trained(
        model,
        _array(data["row_key"], np.int64),
        _array(data["outcome"], np.int8).astype(np.float64),
        _array(data["fold"], np.int8).astype(np.int64),
    )


def version_of(data_hash: str, parameters: Parameters) -> str:
    return hashlib.sha256(data_hash.encode() + orjson.dumps(parameters.to_json())).hexdigest()[:12]


async def save(
    session: WriteSession,
    trained: Trained,
    *,
    version: str,
    data_hash: str,
    metrics: dict[str, Any],
) -> bool:
    """False where the version was there already, as after training the same twice."""
    row = {
        "version": version,
        "data_hash": data_hash,
        "points": len(trained.outcome),
        "hits": int(trained.outcome.sum()),
        "parameters": trained.model.parameters.to_json(),
        "metrics": metrics,
        "content": pack(trained),
    }
    added = await session.execute(
        postgresql.insert(RankingModel)
        .values(row)
        .on_conflict_do_nothing(index_elements=["version"])
        .returning(RankingModel.id)
    )
    return added.first() is not None


async def models(session: ReadSession) -> list[dict[str, Any]]:
    """All models without their content, the newest first; `is_active` is that which ranks."""
    active = await active_version(session)
    rows = await session.execute(
        select(
            RankingModel.version,
            RankingModel.trained_at,
            RankingModel.data_hash,
            RankingModel.points,
            RankingModel.hits,
            RankingModel.parameters,
            RankingModel.metrics,
        ).order_by(RankingModel.id.desc())
    )
    return [{**row, "is_active": row["version"] == active} for row in rows.mappings()]


async def active_version(session: ReadSession) -> str | None:
    version: str | None = await session.scalar(
        select(RankingModel.version)
        .join(RankingPromotion)
        .where(RankingPromotion.rolled_back_at.is_(None))
        .order_by(RankingPromotion.id.desc())
        .limit(1)
    )
    return version


async def load(session: ReadSession, version: str) -> Trained:
    content = await session.scalar(select(RankingModel.content).where(RankingModel.version == version))
    if content is None:
        raise _unknown(version)
    return unpack(content)


async def promote(session: WriteSession, version: str) -> bool:
    """Put a model in force. False where it is already."""
    if await active_version(session) == version:
        return False
    model_id = await session.scalar(select(RankingModel.id).where(RankingModel.version == version))
    if model_id is None:
        raise _unknown(version)
    await session.execute(insert(RankingPromotion).values(model_id=model_id))
    return True


async def roll_back(session: WriteSession) -> tuple[str, str | None]:
    """Take the model in force back; the one before is in force again.

    Returns:
        the version that was taken back, and the one in force now (None: the rules' priority ranks).
    """
    version = await active_version(session)
    if version is None:
        raise NotFoundError("No model is in force.", mend="Promote one with `tarazu model promote`.")
    newest: Sequence[Any] = (
        await session.execute(
            select(RankingPromotion.id)
            .where(RankingPromotion.rolled_back_at.is_(None))
            .order_by(RankingPromotion.id.desc())
            .limit(1)
        )
    ).one()
    await session.execute(
        update(RankingPromotion).where(RankingPromotion.id == newest[0]).values(rolled_back_at=func.now())
    )
    return version, await active_version(session)


def _unknown(version: str) -> NotFoundError:
    return NotFoundError(f"There is no model {version!r}.", mend="`tarazu model list` shows those there are.")


def _text(values: NDArray[Any]) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def _array(text: str, kind: Any) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), kind)
