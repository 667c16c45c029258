"""The simulator's wallet, in a real browser and by requests of every kind."""
