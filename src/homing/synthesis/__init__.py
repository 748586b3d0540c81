"""Meta-analysis: effects of single studies and what they add up to."""
