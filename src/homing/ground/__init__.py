"""Ground: units, time, random keys, text and errors. Knows nothing of medicine."""
