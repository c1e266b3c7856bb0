"""Is everything held, and how does a task wait?"""
