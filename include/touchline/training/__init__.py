"""What do the shipped models learn from?"""
