"""The lake: what scans read, as Parquet in buckets of usage points."""
