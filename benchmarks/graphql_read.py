"""Nested reads over HTTP: our API, one hand-written statement in the same server, and PostGraphile 5.

4 keep-alive connections in a closed loop. The three take turns, a few seconds each, so that noise of the machine hits
all of them; ratios are of neighbours in time, and the median of the rounds counts.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from benchmarks import postgraphile
from benchmarks.graphql_data import CUSTOMERS, headers, home, prepared
from benchmarks.graphql_documents import (
    A_CURSOR,
    comparable,
    graphql_bodies,
    handwritten_bodies,
    pages,
    postgraphile_bodies,
)
from benchmarks.graphql_server import HANDWRITTEN_PATH, Server, post, serving
from benchmarks.http_load import Generator, Samples, Target, generator, joined
from benchmarks.report import Report
from tarazu.settings import Settings

_ROUNDS: Final = int(os.environ.get("ROUNDS", "7"))
_SECONDS: Final = float(os.environ.get("SECONDS", "2"))
# Node compiles what runs often, PostgreSQL chooses its plan at the sixth execution on each of the connections.
_WARM_UP_SECONDS: Final = 4.0
_SIZES: Final = (1, 20, 100)
# Of the hand-written endpoint's requests a second, by customers in a page.
_OF_HANDWRITTEN: Final = {1: 0.6, 100: 0.7}
_OF_POSTGRAPHILE: Final = {100: 2.0}

_OURS, _HANDWRITTEN, _POSTGRAPHILE, _RESOLVERS = "GraphQL", "hand-written", "PostGraphile", "resolvers"
# `name=value` of a setting with which the API answers by its resolvers; they are measured too where it is given.
_RESOLVERS_SETTING: Final = os.environ.get("RESOLVERS_SETTING")


def run(report: Report) -> None:
    folder = home()
    with contextlib.ExitStack() as stack:
        _, settings = stack.enter_context(prepared())
        ours = stack.enter_context(serving(settings, folder / "server.log"))
        theirs = _postgraphile(stack, settings, folder)
        resolvers = None
        if _RESOLVERS_SETTING:
            name, _, value = _RESOLVERS_SETTING.partition("=")
            resolvers = stack.enter_context(serving(settings, folder / "resolvers.log", **{name: value}))
        token = headers(settings)
        load = stack.enter_context(generator())
        for size in _SIZES:
            targets = _targets(size, token, ours, theirs, resolvers)
            _check_equal(targets)
            _report(report, size, _measure(load, targets))


def _postgraphile(stack: contextlib.ExitStack, settings: Settings, folder: Path) -> Server | None:
    place = folder / "postgraphile"
    reason = postgraphile.install(place)
    if reason is not None:
        print(f"PostGraphile is left out: {reason}.", file=sys.stderr)
        return None
    return stack.enter_context(postgraphile.serving(settings, place, folder / "postgraphile.log"))


def _targets(
    size: int, token: dict[str, str], ours: Server, theirs: Server | None, resolvers: Server | None
) -> dict[str, Target]:
    asked = pages(size, CUSTOMERS)
    targets = {
        _OURS: Target(ours.port, "/graphql", graphql_bodies(asked), token),
        _HANDWRITTEN: Target(ours.port, HANDWRITTEN_PATH, handwritten_bodies(asked), token),
    }
    if resolvers is not None:
        targets[_RESOLVERS] = replace(targets[_OURS], port=resolvers.port)
    if theirs is not None:
        asking = Target(theirs.port, postgraphile.PATH, (A_CURSOR,))
        cursor = _ask(asking, 0)["customers"]["pageInfo"]["endCursor"]
        targets[_POSTGRAPHILE] = replace(asking, bodies=postgraphile_bodies(asked, cursor))
    return targets


def _check_equal(targets: dict[str, Target]) -> None:
    """All of them answer with the same data, and our two with the same text."""
    for index in range(5):
        answers = {name: _ask(target, index) for name, target in targets.items()}
        assert answers[_OURS] == answers[_HANDWRITTEN], index
        assert answers[_OURS]["customers"]["edges"], index
        for name, answer in answers.items():
            assert comparable(answer) == comparable(answers[_OURS]), (name, index)


def _ask(target: Target, index: int) -> Any:
    status, answer = post(target.port, target.path, target.bodies[index], target.headers)
    assert status == 200 and "errors" not in answer, (target.path, status, answer.get("errors"))  # noqa: PT018  # one fact
    return answer["data"]


def _measure(load: Generator, targets: dict[str, Target]) -> dict[str, list[Samples]]:
    for target in targets.values():
        load.run(target, _WARM_UP_SECONDS)
    rounds: dict[str, list[Samples]] = {name: [] for name in targets}
    names = list(targets)
    for number in range(_ROUNDS):
        # In turn from both ends, so that none always follows the same one.
        for name in names if number % 2 == 0 else reversed(names):
            samples = load.run(targets[name], _SECONDS)
            assert samples.failed == 0, (name, samples.failed)
            rounds[name].append(samples)
    return rounds


def _report(report: Report, size: int, rounds: dict[str, list[Samples]]) -> None:
    whole = {name: joined(samples) for name, samples in rounds.items()}
    what = f"{size} customer{'s' if size > 1 else ''}"
    for anchor, bars in (
        (_HANDWRITTEN, _OF_HANDWRITTEN),
        (_POSTGRAPHILE, _OF_POSTGRAPHILE),
        (_RESOLVERS, {}),
    ):
        if anchor not in rounds:
            continue
        ratio = statistics.median(
            ours.per_second / other.per_second
            for ours, other in zip(rounds[_OURS], rounds[anchor], strict=True)
        )
        bar = bars.get(size)
        report.line(
            f"{what}: {_OURS} against {anchor}",
            whole[_OURS].per_second,
            "req/s",
            whole[anchor].per_second,
            ratio,
            None if bar is None else f">= {bar}",
            None if bar is None else ratio >= bar,
        )
    if _POSTGRAPHILE in rounds:
        ratio = statistics.median(
            other.per_second / best.per_second
            for other, best in zip(rounds[_POSTGRAPHILE], rounds[_HANDWRITTEN], strict=True)
        )
        report.line(
            f"{what}: {_POSTGRAPHILE} against {_HANDWRITTEN}",
            whole[_POSTGRAPHILE].per_second,
            "req/s",
            whole[_HANDWRITTEN].per_second,
            ratio,
        )
    for percent in (50, 99):
        mine = whole[_OURS].percentile_ms(percent)
        report.line(
            f"{what}: p{percent} of the hand-written", whole[_HANDWRITTEN].percentile_ms(percent), "ms"
        )
        if _POSTGRAPHILE not in whole:
            report.line(f"{what}: p{percent}", mine, "ms")
            continue
        other = whole[_POSTGRAPHILE].percentile_ms(percent)
        judged = percent == 99 and size == 100
        report.line(
            f"{what}: p{percent} against {_POSTGRAPHILE}",
            mine,
            "ms",
            other,
            mine / other,
            "< 1" if judged else None,
            mine < other if judged else None,
        )


if __name__ == "__main__":
    run(Report())
