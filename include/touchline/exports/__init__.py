"""What leaves touchline: SoccerNet files and their evaluation, the published match folder."""
