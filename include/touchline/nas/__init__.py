"""What is asked of a mount that may be slow, or never answer."""
