"""One usage point of the lake, with what the first pass knows of its peers and its customer: for asking why a rule is silent."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from etl.lake.files import read_bucket
from etl.lake.manifest import require_manifest
from etl.scan.reductions import BALANCE_MONTHS, merge_parties, reduce_bucket
from rules.batch import PointBatch, month_number, month_starts
from rules.signals.peer_level import merge_histograms, peer_groups, peer_quantiles
from rules.site import load_site
from tarazu.errors import NotFoundError

if TYPE_CHECKING:
    from tarazu.settings import Settings


def find_point(settings: Settings, subscription_no: str) -> tuple[PointBatch, int]:
    """(the bucket of the point, its row).

    Raises:
        NotFoundError: there is no lake, or no such point in it.
    """
    lake = settings.lake_directory
    manifest = require_manifest(lake)
    as_of = dt.date.fromisoformat(manifest.last_day)
    site = load_site(as_of, settings.site_file, settings.company_code)
    # As `tarazu.models.base.bucket_class` computes it in the database.
    digest = hashlib.md5(subscription_no.encode(), usedforsecurity=False).hexdigest()
    own = str(int(digest[:3], 16) % manifest.buckets)
    last_month = month_number(as_of - dt.timedelta(days=1))
    days = np.diff(month_starts(last_month, BALANCE_MONTHS)).astype(np.float64)
    sums = []
    found: PointBatch | None = None
    for number, bucket in manifest.bucket.items():
        batch = read_bucket(
            lake / bucket.folder,
            last_month=last_month,
            bucket_last_month=bucket.last_month,
            as_of=as_of,
            site=site,
            only_debts=number != own,
        )
        sums.append(reduce_bucket(batch, days))
        if number == own and subscription_no in batch.subscription_no:
            found = batch
    if found is None:
        raise NotFoundError(
            f"There is no usage point {subscription_no} in the lake.",
            mend="Check the number, or run `tarazu snapshot`.",
        )
    among = replace(
        found,
        peers=peer_groups(*merge_histograms([part.peers for part in sums])),
        hours_of_use_peers=peer_quantiles(*merge_histograms([part.hours_of_use for part in sums])),
        summer_rise_peers=peer_quantiles(*merge_histograms([part.summer_rise for part in sums])),
        debts=merge_parties(sums),
    )
    return among, found.subscription_no.index(subscription_no)
