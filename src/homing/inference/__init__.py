"""Statistics that know nothing of cells: emulators of simulated shares, sampling, checks of both, and proper scores."""
