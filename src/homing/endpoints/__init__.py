"""What is seen: trajectories at visits become markers and outcomes."""
