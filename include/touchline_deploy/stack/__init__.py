"""How does the full stack run in containers, from the compose files?"""
