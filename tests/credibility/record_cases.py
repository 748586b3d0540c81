"""A study small enough to be run in tests, with and without its credibility section."""

from __future__ import annotations

from pathlib import Path

from homing.study.plan import Study
from homing.study.resolve import read_study

TEXT = """
homing: 1
study: A small study
population: perianal-fistula-refractory-cd
patients: {patients}
seed: {seed}
scenarios: {scenarios}
visits: [week 0, week 24]
arms:
  cells:
    procedures: [{{do: curettage-and-seton-removal, at: week 0}}]
    courses: [{{give: darvadstrocel, route: intralesional, dose: 120e6 cells, at: week 0}}]
  saline:
    procedures: [{{do: curettage-and-seton-removal, at: week 0}}]
    courses: [{{give: saline, route: intralesional, dose: 24 mL, at: week 0}}]
candidate: cells
control: saline
primary: {{endpoint: combined-remission, at: week 24}}
observed: [ADMIRE-CD]
trial: {{patients per arm: 100, alpha: 0.05, dropout: 0 %}}
comparator: infliximab
"""
RELIED = """
credibility:
  question: Go on?
  influence: {influence}
  consequence: {consequence}
  because: so it is
"""


def study(
    folder: Path,
    *,
    patients: int = 20,
    seed: int = 3,
    scenarios: str = "[sceptical, pooled]",
    influence: str = "medium",
    consequence: str = "medium",
    relied: bool = True,
    more: str = "",
) -> Study:
    """The study as it is read from a file in a folder; `more` is added to the credibility section."""
    text = TEXT.format(patients=patients, seed=seed, scenarios=scenarios)
    text += RELIED.format(influence=influence, consequence=consequence) + more if relied else ""
    file = folder / "small.yaml"
    file.write_text(text, encoding="utf-8")
    return read_study(file)
