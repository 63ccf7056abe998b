"""The scope of a credential: district codes and sectors as they are stored, and as a row scope."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import any_, func, select

from tarazu.database import ReadSession
from tarazu.errors import InputError, NotFoundError
from tarazu.models import District
from tarazu.models.enums import Sector
from tarazu.security.principal import RowScope


async def check_districts(session: ReadSession, codes: Iterable[str] | None) -> list[str] | None:
    """The codes, sorted and each once.

    Raises NotFoundError: a misspelt district would silently show nothing.
    """
    if codes is None:
        return None
    wanted = sorted(set(codes))
    known = set(await session.scalars(select(District.code).where(District.code.in_(wanted))))
    unknown = [code for code in wanted if code not in known]
    if unknown:
        raise NotFoundError(
            f"There is no district {', '.join(unknown)}.", mend="Give codes of imported districts."
        )
    return wanted


def check_sectors(sectors: Iterable[str] | None) -> list[str] | None:
    """The sectors, sorted and each once.

    Raises InputError.
    """
    if sectors is None:
        return None
    wanted = sorted(set(sectors))
    unknown = [sector for sector in wanted if sector not in set(Sector)]
    if unknown:
        raise InputError(f"There is no sector {', '.join(unknown)}.", mend=f"Known: {', '.join(Sector)}.")
    return wanted


def district_ids_of(codes: Any) -> Any:
    """A scalar subquery: the ids of the districts whose codes an array column has; NULL where there are none."""
    return (
        select(func.array_agg(District.id))
        .where(District.code == any_(codes))
        .correlate_except(District)
        .scalar_subquery()
    )


def row_scope(
    codes: Sequence[str] | None, district_ids: Sequence[int] | None, sectors: Sequence[str] | None
) -> RowScope:
    """The scope of stored codes whose ids were looked up. Codes of which no district is left show nothing."""
    return RowScope(
        district_ids=None if codes is None else frozenset(district_ids or ()),
        sectors=None if sectors is None else frozenset(Sector(sector) for sector in sectors),
    )


async def look_up_districts(session: ReadSession, codes: Sequence[str]) -> list[int]:
    """The ids of the districts that there are among the codes."""
    return list(await session.scalars(select(District.id).where(District.code.in_(codes))))
