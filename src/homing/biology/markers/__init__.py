"""What is measured: C-reactive protein, faecal calprotectin, clinical scores."""
