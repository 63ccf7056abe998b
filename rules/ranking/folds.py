"""Folds in which a meter or a customer is never on both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.model_selection import GroupKFold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rules.ranking.history import History


def group_numbers(history: History) -> NDArray[np.int64]:
    """(n,) the connected component of each subject: those that share a meter or a customer, however indirectly."""
    count = len(history.subjects)
    meters = history.bills.drop_nulls("meter").select("subject", "meter").unique()
    left = [meters["subject"].to_numpy(), np.arange(count)]
    shared = [meters["meter"].rank("dense").to_numpy().astype(np.int64) - 1]
    most = int(shared[0].max(initial=-1)) + 1
    shared.append(history.subjects["customer_id"].rank("dense").to_numpy().astype(np.int64) - 1 + most)
    rows, columns = np.concatenate(left), np.concatenate(shared) + count
    size = int(columns.max(initial=count)) + 1
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(size, size))
    component: NDArray[np.int64] = connected_components(graph, directed=False)[1][:count].astype(np.int64)
    return component


def grouped_folds(groups: NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """(n,) fold numbers 0 to `folds` - 1; a group is in one fold. There must be at least `folds` groups."""
    numbers = np.empty(len(groups), np.int64)
    splitter = GroupKFold(folds, shuffle=True, random_state=seed)
    for number, (_, inside) in enumerate(splitter.split(np.zeros((len(groups), 1)), groups=groups)):
        numbers[inside] = number
    return numbers
