"""The work as a whole: read a study file, resolve it, run it."""
