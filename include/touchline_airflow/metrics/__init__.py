"""What we measure, and how it goes to StatsD."""
