"""`tarazu demo`: a utility from nothing to cases, through the ordinary commands' own functions."""

from __future__ import annotations

import csv
import datetime as dt
import os
import shutil
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import select

from tarazu.cli.context import is_serving_wanted, open_sessions, reporting, run
from tarazu.cli.output import Steps, err, out, table
from tarazu.cli.pipeline import import_progress, print_import
from tarazu.database import start_embedded_server
from tarazu.models import Case, Finding
from tarazu.models.enums import LIVE_CASE_STATES
from tarazu.security.permissions import Role
from tarazu.security.principals import local_operator
from tarazu.security.tokens import create_token, list_tokens, revoke_token
from tarazu.settings import Settings, get_settings

# The synthetic utility's bill ids carry the company code 999, which no company has.
_COMPANY_CODE = "999"
# A few spoilt rows show the quarantine at work.
_FAULTS = 5


def demo(
    customers: Annotated[int, typer.Option(min=200, help="Customers of the synthetic utility.")] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same utility.")] = 1,
) -> None:
    """Make a synthetic utility, import it, scan it, show what was found, and serve the API (SERVE=0: do not serve)."""
    from etl.importer import run_import
    from etl.lake.snapshot import snapshot
    from etl.scan.run import scan
    from etl.synth import write_utility
    from etl.synth.site import SITE_FILE, site_text
    from migrations.runner import upgrade
    from rules.overlay import catalogue_here

    with reporting():
        settings = demo_settings()
        start_embedded_server(settings)
        run(upgrade(settings))
        files = settings.home / "synthetic-utility"
        shutil.rmtree(files, ignore_errors=True)
        with Steps() as steps:
            written = write_utility(files, customers=customers, seed=seed, faults=_FAULTS, progress=steps)
        out.print(written.sentence(), markup=False, soft_wrap=True)
        if settings.site_file is None:
            site_file = files / SITE_FILE
            site_file.write_text(site_text(), encoding="utf-8")
            settings = settings.model_copy(update={"site_file": site_file})
        with import_progress() as progress:
            imported = run(run_import(settings, "billing_fa", [str(files)], progress=progress))
        print_import(imported)
        with Steps() as steps:
            lake = snapshot(settings, steps)
            found = run(scan(settings, catalogue_here(settings.rules_overlay), progress=steps))
        out.print(
            f"Scanned {found.subjects:,} subjects as of {found.as_of}: {found.findings:,} findings, "
            f"{found.cases_opened:,} cases opened, {found.cases_updated:,} updated in {found.seconds} s.",
            markup=False,
            soft_wrap=True,
        )
        run(_show(settings, dt.date.fromisoformat(lake.last_day), files / "truth.csv"))
        out.print(tokens_text(settings, run(_make_tokens(settings))), markup=False, soft_wrap=True)
        if is_serving_wanted():
            from tarazu.app import serve

            err.print(
                f"GraphQL at http://{settings.api_host}:{settings.api_port}/graphql; Ctrl-C ends",
                markup=False,
            )
            serve(settings)


def demo_settings() -> Settings:
    """As configured; what is not said is the demo's own: a folder `.tarazu` here, the synthetic company."""
    given = {} if "TARAZU_HOME" in os.environ else {"home": Path.cwd() / ".tarazu"}
    settings = get_settings(**given)
    return settings if settings.company_code else settings.model_copy(update={"company_code": _COMPANY_CODE})


async def _show(settings: Settings, as_of: dt.date, truth: Path) -> None:
    from tarazu.cases.repository import top_cases
    from tarazu.receivables.repository import debt_summary

    async with open_sessions(settings, "demo") as sessions, sessions.read() as session:
        cases = await top_cases(session, 12)
        debts = await debt_summary(session, as_of)
        found = (
            await session.execute(
                select(Case.family, Case.subject_key, Finding.rule_id)
                .join(Finding, Finding.case_id == Case.id)
                .where(Case.state.in_(LIVE_CASE_STATES))
            )
        ).all()
    shown = table(
        "Cases most worth a visit",
        "case",
        "subject",
        "rules",
        "million rial",
        "reason",
        numbers=("million rial",),
    )
    for case in cases:
        shown.add_row(
            str(case.case_no),
            case.subject_key,
            " ".join(case.rule_ids),
            f"{case.money_at_risk_rial / 1e6:,.1f}",
            case.sentence_en or "",
        )
    out.print(shown)
    owed = table(
        f"Debt by sector and age on {as_of}",
        "sector",
        "age",
        "invoices",
        "million rial",
        numbers=("invoices", "million rial"),
    )
    for row in debts:
        owed.add_row(
            row.sector.value if row.sector else "unknown",
            row.age_bucket.value if row.age_bucket else "unknown",
            f"{row.invoice_count:,}",
            f"{row.outstanding_rial / 1e6:,.1f}",
        )
    out.print(owed)
    _print_truth(truth, [(family.value, key, rule) for family, key, rule in found])


async def _make_tokens(settings: Settings) -> dict[Role, str]:
    """A token of a day for each role; those of the demo before are revoked."""
    by = local_operator()
    names = {role: f"demo: {role.value}" for role in Role}
    made = {}
    async with open_sessions(settings, "demo") as sessions, sessions.write() as session:
        for old in await list_tokens(session):
            if old.name in names.values() and old.revoked_at is None:
                await revoke_token(session, by, old.prefix)
        for role in Role:
            issued = await create_token(
                session,
                by,
                name=names[role],
                role=role,
                lifetime=dt.timedelta(days=1),
            )
            made[role] = issued.bearer.text
    return made


def tokens_text(settings: Settings, made: Mapping[Role, str]) -> str:
    """The tokens as lines for a shell, and a line that uses one."""
    exports = "\n".join(f"export {role.value.upper()}_TOKEN={token}" for role, token in made.items())
    return (
        "Tokens of a day, one for each role, for all districts. Copy those you want into another terminal:\n"
        f"{exports}\n"
        "Then ask there, for example as the analyst (docs/how-to/queries.md has more):\n"
        f"curl -s http://{settings.api_host}:{settings.api_port}/graphql "
        "-H \"Authorization: Bearer $ANALYST_TOKEN\" -H 'content-type: application/json' "
        """-d '{"query": "{ caseSummary(groupBy: [FAMILY]) { family caseCount moneyAtRiskRial } }"}'"""
    )


def _print_truth(truth: Path, found: list[tuple[str, str, str]]) -> None:
    """What was planted against what was found: recall by kind, and precision of the theft family."""
    from etl.synth import THEFT

    rules_of: dict[str, set[str]] = defaultdict(set)
    accused: set[str] = set()
    for family, key, rule in found:
        rules_of[key].add(rule)
        if family == "theft":
            accused.add(key)
    planted: dict[str, list[bool]] = defaultdict(list)
    thieves: set[str] = set()
    theft_kinds = {kind.value for kind in THEFT}
    with truth.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            planted[row["kind"]].append(bool(rules_of[row["subject_key"]] & set(row["rule_ids"].split())))
            if row["kind"] in theft_kinds:
                thieves.add(row["subject_key"])
    shown = table(
        "Planted and found by the rule meant for it",
        "planted",
        "count",
        "found",
        "recall",
        numbers=("count", "found", "recall"),
    )
    for kind, hits in planted.items():
        shown.add_row(kind, str(len(hits)), str(sum(hits)), f"{sum(hits) / len(hits):.0%}")
    out.print(shown)
    caught = len(thieves & accused)
    out.print(
        f"Theft: {len(thieves)} planted, {len(accused)} accused, {caught} of them rightly: "
        f"precision {caught / max(len(accused), 1):.0%}, recall {caught / max(len(thieves), 1):.0%}.",
        markup=False,
        soft_wrap=True,
    )
