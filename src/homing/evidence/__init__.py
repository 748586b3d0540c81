"""What is known: values and records with their sources, and the store that holds them."""
