"""Product cells, and what they do to tissue alive (secretome) and dying (efferocytosis)."""
