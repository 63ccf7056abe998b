"""`tarazu agents`: the scorecards of reading agents and contractors."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from tarazu.cli.context import Json, reporting
from tarazu.cli.output import out, print_json, table
from tarazu.errors import NotFoundError
from tarazu.settings import get_settings


def agents(
    key: Annotated[
        str | None,
        typer.Argument(help="Number of an agent, or code of a contractor: its card alone, with all numbers."),
    ] = None,
    of_contractors: Annotated[
        bool, typer.Option("--contractors", help="Contractors instead of agents.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show how the visits of reading agents compare with others' on the same routes; the numbers, not a verdict."""
    from etl.lake.manifest import require_manifest
    from etl.lake.visits import read_agents, read_contractors
    from rules.batch import day_number
    from rules.scorecard import scorecards
    from rules.site import load_site

    with reporting(as_json=as_json):
        settings = get_settings()
        manifest = require_manifest(settings.lake_directory)
        if not manifest.visits:
            raise NotFoundError(
                "The lake knows no visits of reading agents.",
                mend="Import reading_agent and reading_visit, then run `tarazu snapshot`.",
            )
        day = dt.date.fromisoformat(manifest.last_day)
        site = load_site(day, settings.site_file, settings.company_code)
        read = read_contractors if of_contractors else read_agents
        cards = scorecards(read(settings.lake_directory / manifest.visits, as_of=day_number(day), site=site))
        if key is not None:
            cards = [card for card in cards if card.key == key]
            if not cards:
                raise NotFoundError(f"There are no visits of {key}.", mend="See `tarazu agents`.")
        if as_json:
            print_json({"scorecards": [card.to_json() for card in cards]})
            return
        if key is None:
            shown = table(
                "Reading agents", "key", "contractor", "visits", "score", numbers=("visits", "score")
            )
            for card in cards:
                score = "not evaluated" if card.score is None else f"{card.score:.1f}"
                shown.add_row(card.key, card.contractor_code, f"{card.visits:,}", score)
            out.print(shown)
            return
        numbers = ("count", "of", "share", "expected", "evidence", "points", "weight")
        for card in cards:
            shown = table(f"{card.key}: {card.visits:,} visits", "part", *numbers, numbers=numbers)
            for part in card.parts:
                if part.points is None:
                    shown.add_row(
                        part.title_en, f"{part.count:,}", f"{part.visits:,}", "", "", "", "not evaluated"
                    )
                    continue
                shown.add_row(
                    part.title_en,
                    f"{part.count:,}",
                    f"{part.visits:,}",
                    f"{part.percent:.1f} %",
                    f"{part.expected_percent:.1f} %",
                    f"{part.evidence:.1f}",
                    f"{part.points:.2f}",
                    f"{part.weight:g}",
                )
            out.print(shown)
