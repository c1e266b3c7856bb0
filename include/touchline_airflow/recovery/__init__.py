"""How are databases and results backed up, and how do they come back?"""
