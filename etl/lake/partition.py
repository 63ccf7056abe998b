"""Splits one stream of rows from PostgreSQL into a file a bucket, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

# Files that may be open at once: the usual limit of a process is 1,024.
MOST_OPEN = 500


def partition(
    batches: Iterable[pa.RecordBatch],
    schema: pa.Schema,
    folder: Path,
    buckets: int,
    advance: Callable[[int], None],
) -> dict[int, int]:
    """Write the rows of each bucket (bucket_class modulo `buckets`) to `folder/<bucket>.arrow`.

    Returns the rows of each bucket. At most `MOST_OPEN` different buckets may occur.
    """
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    rows: dict[int, int] = {}
    folder.mkdir(parents=True)
    try:
        for batch in batches:
            if not len(batch):
                continue
            table = pa.Table.from_batches([batch]).cast(schema)
            bucket = table.column("bucket_class").to_numpy() % buckets
            order = np.argsort(bucket, kind="stable")
            ordered, sorted_bucket = table.take(pa.array(order)), bucket[order]
            numbers, starts = np.unique(sorted_bucket, return_index=True)
            for number, start, end in zip(
                numbers.tolist(), starts.tolist(), [*starts[1:].tolist(), len(table)], strict=True
            ):
                if number not in writers:
                    writers[number] = pa.ipc.new_stream(str(folder / f"{number}.arrow"), schema)
                writers[number].write_table(ordered.slice(start, end - start))
                rows[number] = rows.get(number, 0) + end - start
            advance(len(table))
    finally:
        for writer in writers.values():
            writer.close()
    return rows


def read_partition(folder: Path, bucket: int, schema: pa.Schema) -> pa.Table:
    path = folder / f"{bucket}.arrow"
    if not path.exists():
        return schema.empty_table()
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as reader:
        return reader.read_all()
