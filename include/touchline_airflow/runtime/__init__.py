"""How does a step run: as a process or in a container, with what it may see and do, and never longer than its task?"""
