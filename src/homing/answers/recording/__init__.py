"""The chapters of a credibility record, and what is gathered for them."""
