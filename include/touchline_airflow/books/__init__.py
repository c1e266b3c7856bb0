"""What is written down of runs: who works on a match, what it cost, how long it should take, why it failed."""
