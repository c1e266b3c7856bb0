"""Hold, go on, stop for cost, and set right what is stuck."""
