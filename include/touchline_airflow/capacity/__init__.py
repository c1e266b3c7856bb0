"""How much may be at work at once: pools, GPU slots, space on disks, and which work goes first."""
