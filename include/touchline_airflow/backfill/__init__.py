"""What the day left undone is made at night: the work behind the DAG `nightly_backfill`."""
