"""What happened since yesterday, and who hears of it each morning? `morning_summary`."""
