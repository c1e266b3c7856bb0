"""Mails: what they say, to whom they go, and when they do not."""
