"""What happened since yesterday, and who is told each morning? `morning_summary`."""
