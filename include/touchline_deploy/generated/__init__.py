"""Which files in the repository are made from code? `make docs` writes them."""
