"""Run every replay and write docs/explanation/replays.md with its pictures.

Run after a change of the mechanism, of a value, a population or a scenario: `python tools/replays.py`. The pictures are
docs/explanation/replays/*.svg; those of replays that are gone are removed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from homing.credibility.replays.read import replays
from homing.credibility.replays.run import run_replay
from homing.evidence.store import load_store
from homing.report.replay_page import page, save_pictures
from homing.report.words import Words

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "replays.md"
PICTURES = PAGE.with_suffix("")


def main() -> None:
    """Write the page and the pictures."""
    store, words = load_store(), Words("en")
    results = [run_replay(one, store, threads=2, step=lambda: None) for one in replays()]
    for old in PICTURES.glob("*.svg"):
        old.unlink()
    files = save_pictures(results, PICTURES, words, png=False)
    text = page(results, words, f"{PICTURES.name}/")
    PAGE.write_text(f"{text}\nWritten by `tools/replays.py`; never by hand.\n", encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(results)} replays, {len(files)} pictures\n")


if __name__ == "__main__":
    main()
