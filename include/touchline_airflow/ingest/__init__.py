"""How does a recording on the mount become a match: seen, checked, registered, its run started? `ingest_recordings`."""
