"""The model analysis plan: what is declared before a run, kept as a file with its own hash.

`credibility/<study>/plan.json` holds the study's hash, seed, patients and scenarios, what the model is relied on for,
model risk, and every acceptance rule with its threshold at that risk. It is never overwritten unseen: a new plan names
the one that it replaces, and the old one stays as `plan-<hash>.json`. The hash is of all that the file holds, the date
included; only a copy of it that somebody else keeps shows that the file was not written anew later.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homing import __version__
from homing.biology.ibd import ibd_system
from homing.credibility.record.frame import frame
from homing.credibility.record.rules import rules
from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder
from homing.study import folder as folders
from homing.study.plan import Relied, Study
from homing.study.run import run_digest

PLAN = "plan.json"
TEMPLATE = """credibility:
  question: ...            # the decision that the model helps with
  influence: medium        # low, medium or high: weight of the model beside other evidence
  consequence: medium      # low, medium or high: how bad a wrong decision would be
  because: ...             # why so high and no higher"""
#: Digits of a plan's hash: too many for another plan with the same hash to be searched for.
_DIGITS = 16
#: What of a plan is its content; the rest says when and after which other plan it was written.
_CONTENT = ("homing", "model", "study", "relied", "risk", "rules")


@dataclass(frozen=True)
class Plan:
    """A plan as it stands in its file: what it declares, when it was written (UTC, ISO), and which one it replaces."""

    content: Mapping[str, Any]
    on: str
    replaces: str = ""

    @property
    def hash(self) -> str:
        """Sixteen hex digits that stand for all that is written: what is declared, when, and in place of what."""
        return _hash({"on": self.on, "replaces": self.replaces, **self.content})

    @property
    def risk(self) -> str:
        """The model risk that was declared."""
        return str(self.content["risk"])

    def as_plain(self) -> dict[str, Any]:
        """The same as plain data."""
        return {"hash": self.hash, "on": self.on, "replaces": self.replaces, **self.content}


def relied_of(study: Study) -> Relied:
    """What the model is relied on for. Raises StudyError with a template where the study doesn't say."""
    if study.relied is None:
        raise StudyError(
            "the study doesn't say what the model is relied on for, so that no record can be written. Add:\n"
            + TEMPLATE,
            f"{study.file}: credibility",
        )
    if study.seed_drawn:
        raise StudyError("a plan needs the seed to be known. Write it in the file.", f"{study.file}: seed")
    return study.relied


def make_plan(study: Study, *, replaces: str = "") -> Plan:
    """The plan of a study as it is now. Raises: StudyError where the study lacks what a plan needs."""
    relied = relied_of(study)
    risk = frame().risk_of(relied.influence, relied.consequence)
    content = {
        "homing": __version__,
        "model": ibd_system().fingerprint,
        "study": {
            "digest": run_digest(study),
            "seed": study.seed,
            "patients": study.patients,
            "scenarios": list(study.scenarios),
            "weights": "" if study.like is None else folders.short_hash(study.like.written),
            "primary": f"{study.primary.key} at day {study.primary.time:g}",
        },
        "relied": {
            name: getattr(relied, name)
            for name in ("question", "influence", "consequence", "because", "impact", "matters")
        },
        "risk": risk,
        "rules": {rule.key: rule.declared(risk) for rule in rules()},
    }
    return Plan(content, folders.now(), replaces)


def _hash(written: Mapping[str, Any]) -> str:
    return folders.short_hash({name: value for name, value in written.items() if name != "hash"}, _DIGITS)


def record_folder(study: Study, out: Path | str) -> Path:
    """Where the record of a study file lies, whatever its hash."""
    plain = re.sub(r"[^\w-]+", "-", Path(study.file).stem.strip().lower()).strip("-")[:60]
    return Path(out) / (plain or "study")


def read_plan(folder: Path) -> Plan | None:
    """The plan in a record's folder; None where there is none.

    Raises: StudyError for a file that was altered, in whatever field.
    """
    place = folder / PLAN
    if not place.is_file():
        return None
    try:
        written = json.loads(place.read_text(encoding="utf-8"))
        found = Plan({name: written[name] for name in _CONTENT}, str(written["on"]), str(written["replaces"]))
        stated = str(written["hash"])
    except (OSError, ValueError, KeyError, TypeError):
        raise StudyError("is no plan. Take it away and write the plan again.", str(place)) from None
    if _hash(written) != stated:
        raise StudyError(
            f"was altered after it was written (its hash is {_hash(written)} and not {stated}). "
            "Restore it, or take it away and write the plan again.",
            str(place),
        )
    return found


def write_plan(study: Study, folder: Path) -> Plan:
    """Write the plan of a study into its record's folder; the one that is there stays where nothing changed.

    Raises: StudyError for a folder that can't be written.
    """
    old = read_plan(folder)
    new = make_plan(study, replaces="" if old is None else old.hash)
    if old is not None and old.content == new.content:
        return old
    make_folder(folder)
    if old is not None:
        folders.write_json(folder / f"plan-{old.hash}.json", old.as_plain())
    folders.write_json(folder / PLAN, new.as_plain())
    return new
