"""Small studies for tests of running: written as files, so that they go the way that a user's file goes."""

from __future__ import annotations

from pathlib import Path

from homing.study.plan import Study
from homing.study.resolve import read_study

FISTULA = """
homing: 1
study: Small fistula study
population: perianal-fistula-refractory-cd
patients: {patients}
seed: 11
scenarios: [sceptical, optimistic]
visits: [week 0, week 12, week 24]
arms:
  cells:
    procedures: [{{do: curettage-and-seton-removal, at: week 0}}]
    courses: [{{give: darvadstrocel, route: intralesional, dose: 120e6 cells, at: [week 0, week 12]}}]
  saline:
    procedures: [{{do: curettage-and-seton-removal, at: week 0}}]
    courses: [{{give: saline, route: intralesional, dose: 24 mL, at: week 0}}]
candidate: cells
control: saline
primary: {{endpoint: combined-remission, at: week 24}}
secondary: [pdai, crp]
"""


def small_study(folder: Path, patients: int = 30, text: str = FISTULA) -> Study:
    """A resolved study from a file in a folder."""
    file = folder / "small.yaml"
    file.write_text(text.format(patients=patients), encoding="utf-8")
    return read_study(file)
