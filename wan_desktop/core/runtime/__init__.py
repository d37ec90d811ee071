"""The engine's own Python environment: installed, tested, repaired and rolled back by the program itself."""
