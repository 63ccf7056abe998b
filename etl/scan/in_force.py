"""The catalogue that a scan judges by: the rule files, and over them what the database says is set."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from rules.parameter_settings import ParameterSetting, with_settings
from rules.standing import RuleException, StatusSetting, with_standing
from tarazu.rule_changes.repository import exception_versions, newest_exceptions, statuses_in_force
from tarazu.rule_parameters.repository import parameters_in_force

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from rules.rule import Catalogue
    from tarazu.database import ReadSession

# An exception that has ended is named for so long.
_NAMED_DAYS = 31


async def catalogue_in_force(
    session: ReadSession | AsyncConnection, catalogue: Catalogue, day: dt.date
) -> Catalogue:
    """
    Raises:
        RuleError: a value that is set is outside the bounds that its rule file has now.
    """
    with_values = with_settings(
        catalogue,
        [
            ParameterSetting(
                version.rule_id, version.parameter, version.tariff_class, version.district_id, version.value
            )
            for version in await parameters_in_force(session, day)
            if version.value is not None
        ],
    )
    statuses = [
        StatusSetting(
            version.rule_id,
            version.status.value,
            version.valid_from,
            version.district_id,
            version.most_findings,
        )
        for version in (await statuses_in_force(session, day)).values()
        if version.status is not None
    ]
    exceptions = [
        RuleException(
            version.id,
            version.rule_id,
            version.usage_point_id,
            version.customer_id,
            version.transformer_id,
            version.reading_agent_id,
            version.tariff_class,
            version.district_id,
        )
        for version in newest_exceptions(await exception_versions(session), day)
        if version.holds_on(day)
    ]
    return with_standing(with_values, statuses, exceptions)


async def expired_exceptions(session: ReadSession | AsyncConnection, day: dt.date) -> list[str]:
    """Exceptions that ended by themselves within a month before the day, in words."""
    return [
        f"{version.id} {version.rule_id} {version.subject} ({version.owner}) until {version.valid_to}"
        for version in newest_exceptions(await exception_versions(session), day)
        if version.valid_from < version.valid_to <= day and (day - version.valid_to).days <= _NAMED_DAYS
    ]
