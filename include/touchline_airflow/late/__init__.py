"""What is late, and who hears of it? Deadlines of runs."""
