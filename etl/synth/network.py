"""How a synthetic network branches: exchange point → feeder → distribution transformer → usage points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from etl.synth.window import FloatArray, IntArray

POINTS_PER_FEEDER: Final = 2_500
POINTS_PER_TRANSFORMER: Final = 90
POINTS_PER_ROUTE: Final = 400
FEEDERS_PER_EXCHANGE_POINT: Final = 6
# Part of the answer, not a tuning knob: each chunk has its own random stream.
FEEDERS_PER_CHUNK: Final = 8

# (code, name, share of the feeders, latitude, longitude): a city of four areas with four smaller towns.
DISTRICTS: Final = (
    ("11", "امور برق منطقه یک قم", 0.22, 34.655, 50.870),
    ("12", "امور برق منطقه دو قم", 0.20, 34.625, 50.900),
    ("13", "امور برق منطقه سه قم", 0.18, 34.610, 50.865),
    ("14", "امور برق منطقه چهار قم", 0.14, 34.640, 50.920),
    ("15", "امور برق پردیسان", 0.12, 34.565, 50.830),
    ("21", "امور برق قنوات", 0.06, 34.610, 51.025),
    ("22", "امور برق جعفریه", 0.05, 34.775, 50.515),
    ("23", "امور برق سلفچگان", 0.03, 34.480, 50.455),
)

_RATED_KVA: Final = np.array([25, 50, 100, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000.0])


@dataclass(frozen=True, slots=True)
class Layout:
    """The points of one chunk. `first_point` and `first_feeder` are their numbers in the whole utility; feeders,
    transformers and routes are numbered within the chunk. Arrays are (points,) or, of a transformer, (transformers,).
    """

    chunk: int
    first_point: int
    first_feeder: int
    feeder_district: IntArray
    feeder: IntArray
    transformer: IntArray
    route: IntArray
    transformer_feeder: IntArray
    transformer_code: IntArray

    @property
    def points(self) -> int:
        return len(self.feeder)

    @property
    def transformers(self) -> int:
        return len(self.transformer_feeder)

    @property
    def routes(self) -> int:
        return int(self.route.max()) + 1

    @property
    def district(self) -> IntArray:
        return self.feeder_district[self.feeder]


def feeder_sizes(customers: int) -> IntArray:
    """At least one feeder a district, so that a small utility has all eight."""
    feeders = max(len(DISTRICTS), -(-customers // POINTS_PER_FEEDER))
    return np.diff(np.arange(feeders + 1) * customers // feeders)


def _feeder_districts(feeders: int) -> IntArray:
    """One feeder each, the rest by share. Interleaved, so that a chunk is not all of one district."""
    shares = np.array([district[2] for district in DISTRICTS])
    spare = feeders - len(DISTRICTS)
    counts = 1 + np.floor(np.cumsum(shares) / shares.sum() * spare + 1e-9).astype(np.int64)
    counts[1:] -= counts[:-1] - 1
    position = np.concatenate([(np.arange(count) + 0.5) / count for count in counts])
    return np.repeat(np.arange(len(DISTRICTS)), counts)[np.argsort(position, kind="stable")]


def layouts(customers: int, seed: int) -> Iterator[tuple[Layout, np.random.Generator]]:
    """Each chunk with its own random stream: which chunk comes before it does not matter."""
    sizes = feeder_sizes(customers)
    first_point = np.concatenate([[0], np.cumsum(sizes)])
    district = _feeder_districts(len(sizes))
    for chunk, first in enumerate(range(0, len(sizes), FEEDERS_PER_CHUNK)):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(chunk,)))
        feeders = slice(first, first + FEEDERS_PER_CHUNK)
        yield _layout(chunk, first, int(first_point[first]), sizes[feeders], district[feeders], rng), rng


def _layout(
    chunk: int,
    first_feeder: int,
    first_point: int,
    sizes: IntArray,
    district: IntArray,
    rng: np.random.Generator,
) -> Layout:
    transformer, route, owner, code = [], [], [], []
    transformers = routes = 0
    for feeder, size in enumerate(sizes.tolist()):
        count = max(1, round(size / POINTS_PER_TRANSFORMER))
        cuts = np.arange(1, count) * size / count + rng.uniform(-0.16, 0.16, count - 1) * size / count
        transformer.append(transformers + np.searchsorted(cuts, np.arange(size), side="right"))
        # Streets and cables do not follow each other: two routes reach into most transformers.
        streets = np.arange(size) * max(1, round(size / POINTS_PER_ROUTE)) // size
        other_side = rng.random(size) < 0.5
        route.append(routes + streets * 2 + other_side)
        owner.append(np.full(count, feeder))
        code.append((first_feeder + feeder + 1) * 100 + np.arange(1, count + 1))
        transformers += count
        routes = int(route[-1].max()) + 1
    return Layout(
        chunk=chunk,
        first_point=first_point,
        first_feeder=first_feeder,
        feeder_district=district,
        feeder=np.repeat(np.arange(len(sizes)), sizes),
        transformer=np.concatenate(transformer),
        route=np.concatenate(route),
        transformer_feeder=np.concatenate(owner),
        transformer_code=np.concatenate(code),
    )


def rated_kva(peak_kw: FloatArray) -> FloatArray:
    """The next standard size above the peak at power factor 0.9 and 70 % load."""
    wanted = peak_kw / 0.9 / 0.7
    return _RATED_KVA[np.minimum(np.searchsorted(_RATED_KVA, wanted), len(_RATED_KVA) - 1)]


def district_codes(district: IntArray) -> pl.Series:
    return pl.Series([code for code, *_ in DISTRICTS]).gather(pl.Series(district))


def feeder_codes(number: IntArray) -> pl.Series:
    return "F" + pl.Series(number).cast(pl.String).str.zfill(4)


def transformer_codes(number: IntArray) -> pl.Series:
    """`number` is feeder × 100 + position; -1 becomes null."""
    codes = "T" + pl.Series(number).cast(pl.String).str.zfill(6)
    return codes.set(pl.Series(number < 0), None)


def exchange_point_codes(feeder_number: IntArray) -> pl.Series:
    number = (feeder_number - 1) // FEEDERS_PER_EXCHANGE_POINT + 1
    return "X" + pl.Series(number).cast(pl.String).str.zfill(3)


def network_frames(layout: Layout, kva: FloatArray) -> dict[str, pl.DataFrame]:
    """All districts come with the first chunk, an exchange point with its first feeder."""
    feeder_number = layout.first_feeder + 1 + np.arange(len(layout.feeder_district))
    exchange = exchange_point_codes(feeder_number)
    feeder = pl.DataFrame({"code": feeder_codes(feeder_number), "exchange_point_code": exchange})
    transformer = pl.DataFrame(
        {
            "code": transformer_codes(layout.transformer_code),
            "feeder_code": feeder_codes(feeder_number[layout.transformer_feeder]),
            "district_code": district_codes(layout.feeder_district[layout.transformer_feeder]),
            "rated_power_kva": kva,
        }
    )
    begins = pl.Series((feeder_number - 1) % FEEDERS_PER_EXCHANGE_POINT == 0)
    names = pl.DataFrame({"code": [d[0] for d in DISTRICTS], "name": [d[1] for d in DISTRICTS]})
    return {
        "district": names if layout.chunk == 0 else names.clear(),
        "exchange_point": _named(pl.DataFrame({"code": exchange.filter(begins)}), "پست فوق توزیع"),
        "feeder": _named(feeder, "فیدر"),
        "distribution_transformer": _named(transformer, "پست توزیع"),
    }


def _named(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    number = pl.col("code").str.slice(1).str.strip_chars_start("0")
    return frame.insert_column(1, frame.select(pl.format(kind + " {}", number).alias("name")).to_series())
