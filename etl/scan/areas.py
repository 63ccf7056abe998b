"""Between the two passes: the points behind transformers whose balance does not close, all together.

Only their months leave their buckets, and only where a balance does not close.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from etl.lake.files import read_area_points
from etl.scan.reductions import BALANCE_MONTHS, Whole, whole_of
from rules.area_signs import AreaSigns
from rules.areas import AREA_MONTHS, Network, balances_of, concerned, joined
from rules.mapping import moved_kwh, proposals_of, propose
from rules.missing_energy import rank
from rules.signals.technical_loss import technical_loss_percent

if TYPE_CHECKING:
    from etl.lake.transformers import TransformerTable
    from etl.scan.tasks import BucketTask

# Reading releases the interpreter's lock, and the disk is one.
_THREADS = 2


def with_areas(whole: Whole, tasks: Sequence[BucketTask], transformers: TransformerTable) -> Whole:
    """The whole, with what its unbalanced areas say: of single points, and of the balances once they are put right."""
    batch = whole.transformers
    site = replace(batch.site, technical_loss_percent=technical_loss_percent(batch))
    rows = concerned(batch, site)
    if not len(rows):
        return whole
    ids = batch.transformer_id[rows]
    months = min(AREA_MONTHS, transformers.delivered_kwh.shape[1])
    with ThreadPoolExecutor(_THREADS) as pool:
        parts = list(
            pool.map(
                lambda task: read_area_points(
                    task.folder,
                    ids,
                    bucket=task.number,
                    last_month=task.last_month,
                    bucket_last_month=task.bucket_last_month,
                    months=months,
                ),
                tasks,
            )
        )
    points = joined(parts, months)
    codes = [batch.code[row] for row in rows.tolist()]
    network = Network(ids, codes, batch.feeder_id[rows], transformers.delivered_kwh[rows, -months:])
    balances = balances_of(network, points, site)
    moves = propose(network, points, balances, site)
    ranks, named = rank(network, points, balances, moves, site)
    moved = np.zeros(batch.billed_kwh.shape)
    # What leaves a difference was sold: the other sign.
    recent = min(BALANCE_MONTHS, months)
    moved[rows, -recent:] = -moved_kwh(moves, points, balances.counts.shape)[:, -recent:]
    ranked = list(batch.ranked)
    for row, said in zip(rows.tolist(), named, strict=True):
        ranked[row] = said or ranked[row]
    signs = AreaSigns(proposals_of(moves, network, points, balances, site), ranks)
    return whole_of(
        replace(batch, moved_kwh=moved, ranked=ranked),
        whole.found_kwh,
        whole.customers,
        replace(whole.around, signs=signs),
    )
