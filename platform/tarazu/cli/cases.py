"""`tarazu explain`: a case in words, with every number it stands on."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

import typer
from sqlalchemy import select

from tarazu.cases.explaining import carried_by
from tarazu.cli.context import Json, open_sessions, reporting, run, settings_with_database
from tarazu.cli.output import out, print_json
from tarazu.errors import NotFoundError
from tarazu.models import Case, Finding, ReadingAgent, RuleVersion
from tarazu.settings import Settings


def explain(
    case: Annotated[str, typer.Argument(help="Number or id of the case.")],
    as_json: Json = False,
) -> None:
    """Print a case's findings: the sentence in both languages, the values, the thresholds and the rule's version."""
    with reporting(as_json=as_json):
        explained = run(_explain(settings_with_database(), case))
        if as_json:
            print_json(explained)
            return
        out.print(
            f"case {explained['caseNo']} ({explained['id']}), {explained['family']}, {explained['state']}: "
            f"{explained['subjectKind']} {explained['subjectKey']}; at risk {explained['moneyAtRiskRial']:,} rial, "
            f"{explained['energyAtRiskKwh']:,.0f} kWh; confidence {explained['confidence']:.0%}",
            markup=False,
            soft_wrap=True,
        )
        for finding in explained["findings"]:
            out.print(
                f"\n{finding['ruleId']} version {finding['ruleVersion']}"
                f"{', on trial' if finding['onTrial'] else ''}: {finding['title']['en']}",
                markup=False,
                soft_wrap=True,
            )
            out.print(
                f"  {finding['sentence']['en']}\n  {finding['sentence']['fa']}", markup=False, soft_wrap=True
            )
            if finding["explainedByAgent"] is not None:
                out.print(
                    f"    explained by doubtful readings; the case of reading agent {finding['explainedByAgent']} carries it",
                    markup=False,
                    soft_wrap=True,
                )
            for value in finding["evidence"]:
                out.print(
                    f"    {value['signal']}.{value['field']} = {value['value']} {_spoken(value['unit'])}".rstrip(),
                    markup=False,
                )
            thresholds = ", ".join(f"{name} {value:g}" for name, value in finding["parameters"].items())
            out.print(f"    thresholds: {thresholds}", markup=False, soft_wrap=True)
            out.print(f"    do: {finding['action']['en']}", markup=False, soft_wrap=True)
            out.print(
                "    innocent causes: " + "; ".join(c["en"] for c in finding["innocentCauses"]), markup=False
            )
        if explained["carries"]:
            out.print("\nfindings about customers that rest on these readings:", markup=False)
            for one in explained["carries"]:
                out.print(f"    {one['subjectKey']}: {one['ruleId']} (case {one['caseNo']})", markup=False)


def _spoken(unit: str) -> str:
    """Nothing where the unit only says what kind of value it is."""
    return "" if unit in ("count", "date", "factor") else unit


async def _explain(settings: Settings, name: str) -> dict[str, Any]:
    async with open_sessions(settings, "explain") as sessions, sessions.read() as session:
        if name.isdecimal():
            found = await session.scalar(select(Case).where(Case.case_no == int(name)))
        else:
            found = await session.scalar(select(Case).where(Case.id == _uuid(name)))
        if found is None:
            raise NotFoundError(f"There is no case {name}.", mend="Numbers stand in the list of cases.")
        rows = (
            await session.execute(
                select(Finding, RuleVersion, ReadingAgent.agent_no)
                .outerjoin(ReadingAgent, ReadingAgent.id == Finding.explained_by_agent_id)
                .join(
                    RuleVersion,
                    (RuleVersion.rule_id == Finding.rule_id) & (RuleVersion.version == Finding.rule_version),
                )
                .where(Finding.case_id == found.id)
                .order_by(Finding.money_at_risk_rial.desc(), Finding.id)
            )
        ).all()
        carried = await carried_by(session, found)
    return {
        "id": str(found.id),
        "caseNo": found.case_no,
        "family": found.family.value,
        "state": found.state.value,
        "subjectKind": found.subject_kind.value,
        "subjectKey": found.subject_key,
        "severity": found.severity.value,
        "confidence": found.confidence,
        "energyAtRiskKwh": found.energy_at_risk_kwh,
        "moneyAtRiskRial": found.money_at_risk_rial,
        "priority": found.priority,
        "openedOn": found.opened_on.isoformat(),
        "findings": [
            {
                "ruleId": finding.rule_id,
                "ruleVersion": finding.rule_version,
                "title": rule.definition["title"],
                "sentence": {"en": finding.sentence_en, "fa": finding.sentence_fa},
                "evidence": finding.evidence,
                "parameters": finding.parameters,
                "severity": finding.severity.value,
                "confidence": finding.confidence,
                "energyAtRiskKwh": finding.energy_at_risk_kwh,
                "moneyAtRiskRial": finding.money_at_risk_rial,
                "onTrial": finding.on_trial,
                "isCurrent": finding.ended_scan_run_id is None,
                "explainedByAgent": agent_no,
                "action": rule.definition["action"],
                "innocentCauses": rule.definition["innocent_causes"],
            }
            for finding, rule, agent_no in rows
        ],
        "carries": carried,
    }


def _uuid(name: str) -> uuid.UUID:
    try:
        return uuid.UUID(name)
    except ValueError:
        raise NotFoundError(
            f"{name!r} is neither a case's number nor its id.", mend="Give one of the two."
        ) from None
