"""What do we know about matches, recordings, runs, actions and reels? Tables in SQL, one module per noun."""
