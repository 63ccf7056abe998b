"""Of all surroundings those that the points of one bucket are judged against.

A bucket's task is given nothing else, so its findings depend on nothing else: where these are what they were, so are the
findings, whatever happened in other buckets.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from rules.area_signs import AreaSigns
from rules.areas import rows_of
from rules.batch import PartyDebts, PeerGroups, PeerQuantiles, Surroundings, TransformerLosses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from etl.scan.reductions import BucketSums

    Ints = NDArray[np.int64]

_Table = TypeVar("_Table", PeerGroups, PeerQuantiles, TransformerLosses, PartyDebts)


def nearby(around: Surroundings, bucket: BucketSums, number: int) -> Surroundings:
    """The rows that a search for any key of the bucket's points ends at.

    Signals look a key up by the first row that is not below it, or the last one; a key that is not there ends at a
    neighbour. These rows are kept too, so that every look-up gives what it gives in the whole. What areas and readings say of single
    points says in which bucket (`number`) they stand.
    """
    # Contract peers share what is left of the key without the district (`rules.signals.contract_use.contract_key`).
    contract = np.unique(bucket.peer_key % 64)
    # -1: points without a transformer.
    transformer = np.append(np.int64(-1), bucket.transformer_id)
    return Surroundings(
        peers=_at(around.peers, around.peers.key, bucket.peer_key),
        hours_of_use=_at(around.hours_of_use, around.hours_of_use.key, contract),
        summer_rise=_at(around.summer_rise, around.summer_rise.key, bucket.peer_key),
        losses=_at(around.losses, around.losses.transformer_id, transformer),
        debts=_at(around.debts, around.debts.party_id, bucket.party_id),
        signs=AreaSigns(
            rows_of(around.signs.proposals, np.flatnonzero(around.signs.proposals.bucket == number)),
            rows_of(around.signs.ranks, np.flatnonzero(around.signs.ranks.bucket == number)),
        ),
        doubtful=rows_of(around.doubtful, np.flatnonzero(around.doubtful.bucket == number)),
    )


def _at(table: _Table, ascending: Ints, wanted: Ints) -> _Table:
    if not len(ascending):
        return table
    rows = np.unique(np.minimum(np.searchsorted(ascending, wanted), len(ascending) - 1))
    return replace(table, **{field.name: getattr(table, field.name)[rows] for field in fields(table)})
