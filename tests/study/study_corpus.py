"""The corpus of study files: valid ones, the examples, and invalid ones with what each is refused with."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
FILES = ROOT / "tests" / "files"
VALID = sorted((FILES / "valid").glob("*.yaml"))
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
INVALID = sorted((FILES / "invalid").glob("*.yaml"))
EXPECTED = yaml.safe_load((FILES / "expected.yaml").read_text(encoding="utf-8"))
