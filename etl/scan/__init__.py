"""The scan: Dask over the buckets of the lake, and its findings into cases."""
