"""The nouns of touchline: frozen dataclasses, standard library only, no I/O."""
