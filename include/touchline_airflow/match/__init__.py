"""How is one match made? The tasks of `process_match`, from its first to its last."""
