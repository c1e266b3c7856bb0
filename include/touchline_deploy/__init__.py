"""How touchline comes to a machine: installed, built, started on one machine or as a stack, tested."""
