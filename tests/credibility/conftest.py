"""What several test files of credibility share: every replay, run once with few patients."""

from __future__ import annotations

import pytest

from homing.credibility.replays.content import Replayed
from homing.credibility.replays.read import replays
from homing.credibility.replays.run import run_replay
from homing.evidence.store import load_store


@pytest.fixture(scope="session")
def results() -> dict[str, Replayed]:
    store = load_store()
    return {one.key: run_replay(one, store, patients=200, step=lambda: None) for one in replays()}
