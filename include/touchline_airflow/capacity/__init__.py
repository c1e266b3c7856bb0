"""How much may be at work at once: pools, GPU slots, disk budgets, and which work goes first."""
