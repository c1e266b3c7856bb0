"""Which clips make which reel, how are they rendered, and what does the match's report look like?"""
