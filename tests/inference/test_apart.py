"""The statistics know nothing of cells: they import the ground, each other and nothing else of Homing."""

import re
from pathlib import Path

import homing.inference


def test_inference_stands_on_the_ground_alone():
    files = sorted(Path(homing.inference.__file__).parent.glob("*.py"))
    imported = {name for f in files for name in re.findall(r"(?:from|import) homing\.(\w+)", f.read_text("utf-8"))}
    assert len(files) > 5
    assert imported == {"ground", "inference"}
