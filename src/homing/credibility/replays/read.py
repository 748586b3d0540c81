"""The files of catalogue/replays/.

A file has

    kind: trial                       # trial | stopping | drug-kinetics | cellular-kinetics | meta-analysis
    name: {en:, zh:}                  # the study
    what: {en:, zh:}                  # what is simulated or computed, and what is set beside what
    note: {en:, zh:}                  # what to bear in mind (optional)
    caveat: {en:, zh:}                # what was set by hand in view of the study, which makes it less of a test
    trials: [ADMIRE-CD]               # entries of the evidence store that the printed numbers come from
    used for: calibration             # calibration | held out | neither, of rows that no file of catalogue/calibration/
                                      # names: there it is read of the others; left out, they were used for neither
    used because: {en:, zh:}          # (optional, as note and caveat)
    tolerance: {kind: sampling, because: {en:, zh:}}
    simulate: ...                     # as the kind's module says
    compare: [...]                    # rows of the evidence store, by their names; numbers are never typed again;
                                      # each with a tolerance and a `used for` of its own where they differ
"""

from __future__ import annotations

from typing import cast

from homing.credibility.replays.content import Replay, Tolerance, Use
from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError, StudyError
from homing.ground.nearest import did_you_mean

FOLDER = "replays"
KINDS = ("trial", "stopping", "drug-kinetics", "cellular-kinetics", "meta-analysis")
USES: tuple[Use, ...] = ("calibration", "held out", "neither")
TOLERANCES = ("sampling", "rounding", "factor", "as-printed", "recomputed")


def replays() -> tuple[Replay, ...]:
    """Every replay of the catalogue, by key."""
    return tuple(replay(key) for key in names(FOLDER))


def replay(key: str) -> Replay:
    """A replay of the catalogue. Raises StudyError with the nearest key where there is none, EvidenceError for a
    faulty file."""
    if key not in names(FOLDER):
        raise StudyError(f"there is no replay '{key}'. {did_you_mean(key, names(FOLDER))} `homing replay` lists them.")
    return read_replay(entry(FOLDER, key))


def read_replay(e: Entry) -> Replay:
    """A replay from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    required = ("kind", "name", "what", "tolerance", "compare")
    e.fields(*required, "note", "caveat", "trials", "simulate", "used for", "used because", required=required)
    return Replay(
        key=e.key,
        kind=e.one_of("kind", KINDS),
        name=e.both_languages("name"),
        what=e.both_languages("what"),
        note=e.both_languages("note") if "note" in e.data else {},
        caveat=e.both_languages("caveat") if "caveat" in e.data else {},
        trials=e.names_of("trials", "trials"),
        said=cast(Use, e.one_of("used for", USES)) if "used for" in e.data else None,
        used_because=e.both_languages("used because") if "used because" in e.data else {},
        tolerance=read_tolerance(e.part("tolerance")),
        entry=e,
    )


def read_tolerance(e: Entry) -> Tolerance:
    """A tolerance; its factor is a Value that says where it is from."""
    e.fields("kind", "because", "factor", required=("kind", "because"))
    kind = e.one_of("kind", TOLERANCES)
    factor: Value | None = e.value("factor", "1") if "factor" in e.data else None
    if (kind == "factor") != (factor is not None):
        raise EvidenceError("a factor belongs to the kind 'factor', and to it alone.", e.where)
    if factor is not None and factor.number < 1:
        raise EvidenceError("a factor is 1 or more.", e.part("factor").where)
    return Tolerance(kind, e.both_languages("because"), factor.number if factor is not None else 1.0)


def tolerance_of(replay: Replay, part: Entry) -> Tolerance:
    """The tolerance of one comparison: its own where it has one, else the file's."""
    return read_tolerance(part.part("tolerance")) if "tolerance" in part.data else replay.tolerance


def said_of(replay: Replay, part: Entry) -> Use | None:
    """What a file says that the numbers of one comparison were used for: its own word where it has one, else the
    file's, None where there is neither."""
    return cast(Use, part.one_of("used for", USES)) if "used for" in part.data else replay.said
