"""The catalogue that a scan judges by: the rule files, and over them what the database says is set."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from rules.parameter_settings import ParameterSetting, with_settings
from tarazu.rule_parameters.repository import parameters_in_force

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from rules.rule import Catalogue
    from tarazu.database import ReadSession


async def catalogue_in_force(
    session: ReadSession | AsyncConnection, catalogue: Catalogue, day: dt.date
) -> Catalogue:
    """
    Raises:
        RuleError: a value that is set is outside the bounds that its rule file has now.
    """
    return with_settings(
        catalogue,
        [
            ParameterSetting(
                version.rule_id, version.parameter, version.tariff_class, version.district_id, version.value
            )
            for version in await parameters_in_force(session, day)
            if version.value is not None
        ],
    )
