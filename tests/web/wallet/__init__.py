"""The simulated e-wallet, in a real browser and by plain requests."""
