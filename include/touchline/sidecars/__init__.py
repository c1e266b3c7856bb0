"""What did the club write down beside a recording? `match.toml` and `marks.csv`."""
