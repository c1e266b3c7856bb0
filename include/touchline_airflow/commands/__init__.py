"""What does a person type? One module for each group of `touchline-ops` commands."""
