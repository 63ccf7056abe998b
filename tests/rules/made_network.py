"""Networks whose truth is known: feeders of transformers, customers with seasons and habits of their own, thieves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rules.areas import AreaPoints, Network

MONTHS = 24


@dataclass
class MadeNetwork:
    """`truth` and `recorded` (customers,) are rows of the network; `used_kwh` is before any theft."""

    network: Network
    points: AreaPoints
    truth: np.ndarray
    recorded: np.ndarray
    thieves: list[int]


def made_network(
    seed,
    *,
    feeders=2,
    transformers=3,
    customers=25,
    moved=0,
    thieves=0,
    two_monthly=False,
    noise=0.003,
    thief_at=2,
    thief_use=0.6,
):
    """`moved` customers of each feeder's first transformer are recorded at its second one. Of the customers of each feeder's
    transformer `thief_at`, `thieves` take a share of their use past the meter from some month on.
    """
    rng = np.random.default_rng(seed)
    count = feeders * transformers
    truth = np.repeat(np.arange(count), customers)
    people = len(truth)
    size = rng.lognormal(5.7, 0.5, people)
    season = 1 + 0.4 * np.sin(2 * np.pi * (np.arange(MONTHS) + rng.uniform(0, 1.5, people)[:, None]) / 12)
    used = size[:, None] * season * rng.lognormal(0, 0.15, (people, MONTHS))
    recorded, chosen_thieves = truth.copy(), []
    # Each feeder has its losing and its gaining transformer; the last one is left for thieves.
    for place in range(moved):
        feeder = place % feeders
        origin, to = feeder * transformers, feeder * transformers + 1
        here = np.flatnonzero((truth == origin) & (recorded == truth))
        one = here[np.argmax(size[here])]
        recorded[one] = to
        # A small customer shows in nobody's balance.
        used[one] *= max(1.0, 0.14 * used[truth == to].sum() / used[one].sum())
    bought = used.copy()
    for place in range(thieves):
        here = np.flatnonzero((truth == thief_at + place % feeders * transformers) & (recorded == truth))
        one = here[np.argmax(size[here])]
        used[one] *= max(1.0, thief_use * used[truth == truth[one]].sum() / used[one].sum())
        start = int(rng.integers(4, 14))
        share = np.where(np.arange(MONTHS) >= start, rng.uniform(0.5, 0.95, MONTHS), 0.0)
        bought[one] = used[one] * (1 - share)
        chosen_thieves.append(int(one))
    delivered = np.zeros((count, MONTHS))
    np.add.at(delivered, truth, used)
    delivered *= (
        1 / (1 - rng.uniform(0.04, 0.06, count))[:, None] * (1 + rng.normal(0, noise, delivered.shape))
    )
    if two_monthly:
        odd = rng.integers(0, 2, people)
        for row in range(people):
            for start in range(odd[row], MONTHS - 1, 2):
                bought[row, start : start + 2] = bought[row, start : start + 2].mean()
    ids = np.arange(count) + 100
    points = AreaPoints(
        usage_point_id=np.arange(people),
        subscription_no=np.array([f"S{i}" for i in range(people)]),
        bucket=np.arange(people) % 4,
        transformer_id=ids[recorded],
        kwh=bought,
    )
    network = Network(ids, [f"T{i}" for i in range(count)], np.arange(count) // transformers, delivered)
    return MadeNetwork(network, points, truth, recorded, chosen_thieves)
