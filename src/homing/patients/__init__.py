"""To whom: populations, virtual patients, cohorts, scenarios."""
