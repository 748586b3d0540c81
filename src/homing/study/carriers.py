"""The user's own carriers: like one of the catalogue, with a measured release curve and retention.

A curve stands in the study file, or in a CSV file beside it with the columns `day` and `released`:

    day,released
    0,0
    2,30 %
    14,0.95

Lines that begin with # and empty lines are passed over. Each fault is named with the file and line it is in.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from homing.evidence.values import Value
from homing.ground.calendar import DAYS_PER_YEAR
from homing.ground.errors import HomingError
from homing.ground.text_yaml import Path_
from homing.protocol.course import Protocol
from homing.protocol.product import Carrier
from homing.protocol.release import MOST_POINTS, ReleaseCurve, point_fault, release_curve
from homing.protocol.releasing import overlapping
from homing.study import known
from homing.study.faults import Faults
from homing.study.scalars import LONGEST_STUDY_YEARS, read_share, shown
from homing.study.schema import CarrierPart, ReleasePart, days_of, label_of
from homing.study.wording import day_text, plain, share_text

COLUMNS = ("day", "released")
LARGEST_FILE = 1_000_000
MOST_FAULTS = 20


def own_carriers(
    parts: Mapping[str, CarrierPart], products: Mapping[str, object], faults: Faults
) -> dict[str, Carrier]:
    """The carriers that a study file adds, by name. A curve with a fault is noted and left out.

    Arguments: `products` the file's own products, whose names a carrier can't have.
    """
    found = {}
    for name, part in parts.items():
        path: Path_ = ("carriers", name)
        if name in known.names("carriers") or name in products:
            taken = "the catalogue" if name in known.names("carriers") else "one of `products`"
            faults.add(path, f"'{name}' is a name of {taken}; choose another name for your own carrier.")
            continue
        base: Carrier | None = known.entry("carriers", part.like, (*path, "like"), faults)
        if base is None:
            continue
        if not base.deposits:
            faults.add(
                (*path, "like"), f"'{part.like}' holds no cells back; name a carrier that does, as microspheres."
            )
            continue
        carrier = replace(base, key=name, like=base.key, name=label_of(part.name, name))
        if part.retention is not None:
            carrier = replace(carrier, retention=Value(part.retention, "1", basis="measured", source="the study file"))
        if part.release is not None:
            carrier = replace(carrier, release=_curve(part.release, (*path, "release"), faults))
        found[name] = carrier
    return found


def carrier_text(part: CarrierPart, carrier: Carrier) -> dict[str, object]:
    """A carrier as the resolved study writes it: its curve stands there whatever file it came from."""
    written: dict[str, object] = {"like": part.like, "name": label_of(part.name, carrier.key)}
    if part.retention is not None:
        written["retention"] = share_text(part.retention)
    if carrier.release is not None and part.release is not None:
        written["release"] = {
            "times": [f"day {plain(day)}" for day in carrier.release.times],
            "released": [plain(share) for share in carrier.release.released],
            "source": part.release.source,
        }
    return written


def check_carriers(arms: Mapping[str, Protocol], faults: Faults) -> None:
    """Note doses that a release curve can't follow: amid an earlier one, or decided at a visit."""
    for name, arm in arms.items():
        late = overlapping(arm.courses)
        if late is not None:
            course, day = late
            faults.add(
                ("arms", name, "courses", arm.courses.index(course), "at"),
                f"the dose on {day_text(day)} comes while the carrier placed before still follows its release curve. "
                f"Give it after the curve's last time, or cut the curve where nearly all is released.",
            )
        for i, rule in enumerate(arm.rules):
            if rule.course.carrier is not None and rule.course.carrier.release is not None:
                faults.add(
                    ("arms", name, "rules", i, "carrier"),
                    f"'{rule.course.carrier.key}' follows a release curve, which a dose decided at a visit can't, not "
                    f"yet. Name the catalogue's '{rule.course.carrier.catalogue_key}'.",
                )


def _curve(part: ReleasePart, path: Path_, faults: Faults) -> ReleaseCurve | None:
    """The curve that is written or stands in a file, or None with its faults noted."""
    if (part.file is None) == (part.times is None and part.released is None):
        faults.add(path, "needs either `times` and `released`, or a `file`.")
        return None
    if part.file is not None:
        return _curve_of_file(part.file, part.source, (*path, "file"), faults)
    if part.times is None or part.released is None:
        missing = "times" if part.times is None else "released"
        faults.add(path, f"lacks `{missing}`: each time needs one fraction.")
        return None
    days = days_of(part.times)
    if len(days) != len(part.released):
        faults.add((*path, "released"), f"{len(part.released)} fractions for {len(days)} times; each needs one.")
        return None
    fine = True
    for i in range(len(days)):
        fault = point_fault(days[: i + 1], part.released[: i + 1])
        if fault:
            faults.add((*path, "times" if "time" in fault[:9] else "released", i), fault)
            fine = False
    return _made(days, part.released, part.source, path, faults) if fine else None


def _made(
    days: tuple[float, ...], released: tuple[float, ...], source: str, path: Path_, faults: Faults
) -> ReleaseCurve | None:
    try:
        return release_curve(days, released, source)
    except HomingError as e:
        faults.add(path, e.message)
        return None


def _curve_of_file(name: str, source: str, path: Path_, faults: Faults) -> ReleaseCurve | None:
    file = Path(faults.text.file).parent / name
    try:
        if file.stat().st_size > LARGEST_FILE:
            faults.add(path, f"{name} is larger than {LARGEST_FILE // 1_000_000} MB, which no release curve is.")
            return None
        text = file.read_text(encoding="utf-8-sig")
    except OSError as e:
        faults.add(path, f"{file} can't be read ({e.strerror}). The name is taken from the study file's folder.")
        return None
    except UnicodeDecodeError:
        faults.add(path, f"{file} is not text in UTF-8. Save it as a CSV file in UTF-8.")
        return None
    days: list[float] = []
    shares: list[float] = []
    wrong = 0
    for line, what in _rows(text, days, shares):
        wrong += 1
        if wrong <= MOST_FAULTS:
            faults.add(path, f"{file}:{line}: {what}")
    return None if wrong else _made(tuple(days), tuple(shares), source, path, faults)


def _rows(text: str, days: list[float], shares: list[float]) -> Iterator[tuple[int, str]]:
    """Fill in the points of a CSV text; yields the line and the fault of each row that is wrong."""
    rows = [(i, row) for i, row in enumerate(csv.reader(text.splitlines()), 1) if any(cell.strip() for cell in row)]
    rows = [(i, [cell.strip() for cell in row]) for i, row in rows if not row[0].lstrip().startswith("#")]
    if not rows or [cell.lower() for cell in rows[0][1]] != list(COLUMNS):
        line, seen = (rows[0][0], ",".join(rows[0][1])) if rows else (1, "nothing")
        yield line, f"the header is {shown(seen)}. The columns are '{','.join(COLUMNS)}', days and fractions."
        return
    for line, row in rows[1:]:
        if len(days) >= MOST_POINTS:
            yield line, f"more than {MOST_POINTS} points."
            return
        fault = _point(row, days, shares)
        if fault:
            yield line, fault


def _point(row: list[str], days: list[float], shares: list[float]) -> str:
    """Add the point of a row; or say what is wrong with it."""
    if len(row) != len(COLUMNS):
        return f"{len(row)} cells, and a point has {len(COLUMNS)}: {', '.join(COLUMNS)}."
    try:
        day = float(row[0])
    except ValueError:
        return f"{shown(row[0])} is no number of days. Write for instance '2' or '0.5'."
    try:
        share = read_share(row[1])
    except HomingError as e:
        return e.message
    if day > LONGEST_STUDY_YEARS * DAYS_PER_YEAR:
        return f"the time {day:g} is more than {LONGEST_STUDY_YEARS} years after the carrier is placed."
    fault = point_fault([*days, day], [*shares, share])
    if not fault:
        days.append(day)
        shares.append(share)
    return fault
