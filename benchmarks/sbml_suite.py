"""Homing against the semantic cases of the SBML Test Suite.

    python benchmarks/sbml_suite.py FOLDER [--cases 00001 00002 ...] [--list]

FOLDER holds the suite's `cases/semantic` (one folder a case); the suite is not part of Homing. A case is passed when
every number of its results is met within its own tolerances, refused when the importer names what is outside, and
wrong otherwise. Prints the table, and with --list every case that is not passed. Ends with 1 where a case is wrong.
"""

from __future__ import annotations

import argparse
import collections
import csv
import multiprocessing
import re
import sys
import time
from pathlib import Path

import numpy as np

#: Tags of what Homing refuses by name: a case with one of these is not made of supported tags alone.
UNSUPPORTED = {
    "AlgebraicRule",
    "CSymbolDelay",
    "DelayInTrigger",
    "DelayInEventAssignment",
    "FastReaction",
    "MultipleFastReactions",
}
RTOL, MOST_STEPS = 1e-8, 10_000_000


def newest(folder: Path) -> Path | None:
    """The file of a case in the newest version of SBML that it has."""
    found = sorted(folder.glob("*-sbml-l[123]v*.xml"))
    return found[-1] if found else None


def settings(folder: Path) -> dict[str, str]:
    """The settings of a case."""
    text = (folder / f"{folder.name}-settings.txt").read_text(encoding="utf-8")
    return {k.strip(): v.strip() for k, _, v in (line.partition(":") for line in text.splitlines())}


def tags(folder: Path) -> set[str]:
    """The component and test tags of a case."""
    text = (folder / f"{folder.name}-model.m").read_text(encoding="utf-8", errors="replace")
    lines = re.findall(r"^(?:component|test)Tags:(.*)$", text, re.M)
    return {t.strip() for line in lines for t in line.split(",")} - {""}


def judge(folder: Path) -> tuple[str, str, str]:
    """(case, outcome, why): outcome is passed, refused or wrong."""
    from homing.engine import compile_system
    from homing.formats.sbml_import import read_model
    from homing.ground.errors import HomingError
    from homing.protocol.events import Events

    told = settings(folder)
    file = newest(folder)
    if file is None:
        return folder.name, "refused", "no SBML file"
    names = [n.strip() for n in told["variables"].split(",") if n.strip()]
    concentrations = {n.strip() for n in told.get("concentration", "").split(",")}
    try:
        model = read_model(file)
        if not told.get("duration"):
            return folder.name, "refused", "not a time course"
        outputs = [f"[{n}]" if n in concentrations else n for n in names]
        model.names(outputs)
        compiled = compile_system(model.system, outputs)
        first, length, steps = float(told["start"]), float(told["duration"]), int(told["steps"])
        times = first + length * np.arange(steps + 1) / steps
        values = model.parameters()
        start, none = model.start(values), Events.none(1)
        result = compiled.run(start, values, none, times, side="right", rtol=RTOL, max_steps=MOST_STEPS)
    except HomingError as e:
        return folder.name, "refused", e.message
    except Exception as e:
        return folder.name, "wrong", f"{type(e).__name__}: {e}"
    if result.status[0] > 1:
        return folder.name, "wrong", f"status {result.status[0]}"
    rows = list(csv.reader((folder / f"{folder.name}-results.csv").open(encoding="utf-8")))
    header = [h.strip() for h in rows[0]]
    wanted = np.array([[float(x) for x in row] for row in rows[1:] if row])
    absolute, relative = float(told["absolute"]), float(told["relative"])
    for n, output in zip(names, outputs, strict=True):
        right = wanted[:, 1 + header[1:].index(n)]
        ours = result[output][0][: len(right)]
        with np.errstate(invalid="ignore"):
            off = np.abs(ours - right) > absolute + relative * np.abs(right)
        same = (np.isnan(right) & np.isnan(ours)) | (right == ours)
        off |= np.isnan(ours) != np.isnan(right)
        if (off & ~same).any():
            row = int(np.flatnonzero(off & ~same)[0])
            return folder.name, "wrong", f"{n} at {times[row]:g}: {ours[row]:.9g}, not {right[row]:.9g}"
    return folder.name, "passed", ""


def main() -> int:
    """Run the suite."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--cases", nargs="*", default=[])
    options.add_argument("--list", action="store_true")
    options.add_argument("--processes", type=int, default=multiprocessing.cpu_count())
    chosen = options.parse_args()
    if not chosen.folder.is_dir():
        print(f"{chosen.folder}: no such folder; the SBML Test Suite is not part of Homing.")
        return 2
    folders = sorted(f for f in chosen.folder.iterdir() if f.is_dir() and (not chosen.cases or f.name in chosen.cases))
    began = time.perf_counter()
    with multiprocessing.get_context("spawn").Pool(chosen.processes) as pool:
        judged = pool.map(judge, folders, chunksize=8)
    tag = {f.name: tags(f) for f in folders}
    supported = [case for case, _, _ in judged if not tag[case] & UNSUPPORTED and not any(":" in t for t in tag[case])]
    table = collections.Counter(outcome for _, outcome, _ in judged)
    good = collections.Counter(outcome for case, outcome, _ in judged if case in set(supported))
    print(f"{len(judged)} cases in {time.perf_counter() - began:.0f} s")
    print(f"{'':22}{'passed':>8}{'refused':>9}{'wrong':>7}{'passed %':>10}")
    for name, counts, n in (("all", table, len(judged)), ("of supported tags", good, len(supported))):
        share = 100 * counts["passed"] / max(n, 1)
        print(f"{name:22}{counts['passed']:8}{counts['refused']:9}{counts['wrong']:7}{share:10.1f}")
    reasons = collections.Counter(re.sub(r"'[^']*'", "'…'", why) for _, outcome, why in judged if outcome == "refused")
    for why, n in reasons.most_common():
        print(f"  refused {n:4}: {why[:110]}")
    if chosen.list:
        for case, outcome, why in judged:
            if outcome == "wrong" or (outcome == "refused" and case in set(supported)):
                print(case, outcome, why[:150], sorted(tag[case]))
    return 1 if table["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
