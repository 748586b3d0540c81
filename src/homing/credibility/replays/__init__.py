"""Published results computed again and set beside the original, one file of catalogue/replays/ a study."""
