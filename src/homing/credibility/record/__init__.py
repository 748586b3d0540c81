"""The credibility record: rules declared before a run, what is known after it, and what departs from the plan."""
