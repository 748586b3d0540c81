"""Which model a command means: a file, one kept by `homing model import`, or Homing's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean

if TYPE_CHECKING:
    from homing.mechanism.model import Model

#: Where imported models are kept, below the folder one works in.
KEPT = Path("models")
OWN = "ibd"
HELP = "A model file (.xml, .sbml, .ant), the name of an imported model, or ibd[:PRODUCT[:DRUG]] (profiles)."


def find_model(text: str) -> Model:
    """The model that a word on the command line means.

    Raises: StudyError where there is none; what the file says is wrong, by the reader's error.
    """
    if text == OWN or text.startswith(f"{OWN}:"):
        from homing.biology.models import ibd_model

        parts = text.split(":")[1:]
        defaults = ["no-product", "no-drug"]
        return ibd_model(*(part or usual for part, usual in zip([*parts, "", ""], defaults, strict=False)))
    from homing.formats.sbml_import import read_model

    path = Path(text)
    if path.suffix or path.exists():
        return read_model(path)
    kept = KEPT / f"{text}.xml"
    if kept.exists():
        return read_model(kept)
    names = [OWN, *(p.stem for p in sorted(KEPT.glob("*.xml")))]
    raise StudyError(f"no model '{text}'. {did_you_mean(text, names)} Import one with: homing model import FILE")


def assignments(texts: list[str], option: str) -> dict[str, str]:
    """NAME=VALUE options as a dictionary. Raises: StudyError for one without '=' or named twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise StudyError(f"{option} takes NAME=VALUE, not '{text}'.")
        if name.strip() in found:
            raise StudyError(f"{option} names '{name.strip()}' twice.")
        found[name.strip()] = value.strip()
    return found


def numbers(texts: list[str], option: str) -> dict[str, float]:
    """NAME=NUMBER options. Raises: StudyError for what is not a finite number."""
    import math

    found = {}
    for name, value in assignments(texts, option).items():
        try:
            found[name] = float(value)
        except ValueError:
            raise StudyError(f"{option} {name}: '{value}' is not a number.") from None
        if not math.isfinite(found[name]):
            raise StudyError(f"{option} {name}: '{value}' is not finite.")
    return found
