"""Run a replay: the module of its kind does it."""

from __future__ import annotations

from homing.credibility.replays.asked import read_asked, read_asked_one, read_asked_readings
from homing.credibility.replays.cellular_kinetics import CLOSED, DRAWN, run_cellular_kinetics
from homing.credibility.replays.content import Replay, Replayed, Use
from homing.credibility.replays.drug_kinetics import OURS, SIMULATED_AS, run_drug_kinetics
from homing.credibility.replays.drug_kinetics import steps_of as drug_steps
from homing.credibility.replays.meta_analysis import run_meta_analysis
from homing.credibility.replays.read import USES, said_of
from homing.credibility.replays.scenarios import replay_scenarios
from homing.credibility.replays.stopping import run_stopping
from homing.credibility.replays.trial import Step, run_trial
from homing.credibility.replays.trial import steps_of as trial_steps
from homing.evidence.store import Store

#: Virtual patients of a replay, and the seed that draws them.
PATIENTS, SEED = 2000, 2026


def run_replay(
    replay: Replay, store: Store, *, patients: int = PATIENTS, seed: int = SEED, threads: int = 1, step: Step
) -> Replayed:
    """The numbers of a replay, as printed and ours. `step` is called after each run of a simulation.

    Raises: EvidenceError with file, line and key for a faulty file or a row that the store doesn't have.
    """
    if replay.kind == "trial":
        return run_trial(replay, store, patients, seed, threads, step)
    if replay.kind == "stopping":
        return run_stopping(replay, store, patients, seed, threads, step)
    if replay.kind == "drug-kinetics":
        return run_drug_kinetics(replay, store, patients, seed, threads, step)
    if replay.kind == "cellular-kinetics":
        return run_cellular_kinetics(replay, store, patients, seed)
    return run_meta_analysis(replay, store)


def steps_of(replay: Replay, store: Store) -> int:
    """How often `run_replay` calls its `step`."""
    if replay.kind == "trial":
        return trial_steps(replay, store)
    if replay.kind == "stopping":
        return len(replay_scenarios())
    return drug_steps(replay) if replay.kind == "drug-kinetics" else 0


def uses_of(replay: Replay, store: Store) -> tuple[Use, ...]:
    """What the numbers of a replay were used for, each word once; nothing is simulated for it.

    Raises: EvidenceError as `run_replay`, and for a word that contradicts catalogue/calibration/.
    """
    if replay.kind in ("trial", "stopping"):
        read = read_asked if replay.kind == "trial" else read_asked_one
        found = {use for asked in read(replay, store) for use in asked.uses}
    elif replay.kind == "meta-analysis":
        found = {said_of(replay, e) or "neither" for e in replay.entry.parts("compare")}
    else:
        ours, more = ((*CLOSED, *DRAWN), ()) if replay.kind == "cellular-kinetics" else (OURS, (SIMULATED_AS,))
        found = {asked.use for asked in read_asked_readings(replay, store, ours, *more)}
    return tuple(use for use in USES if use in found)
