"""What is late, and who is told? Deadlines of runs."""
