"""A small daemon for each machine: what it and the deployment look like now, every 15 seconds, to StatsD."""
