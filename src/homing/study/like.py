"""`like` of a study file: the baseline table of the trial whose patients the virtual ones are weighted to."""

from __future__ import annotations

from pathlib import Path

from homing.evidence.catalogue import names
from homing.ground.errors import HomingError
from homing.ground.nearest import did_you_mean
from homing.patients.baseline_table import Table, baseline_table, table_of_file, table_of_rows
from homing.study.faults import Faults
from homing.study.schema import LikePart, StudyContent


def table_of_study(content: StudyContent, faults: Faults) -> Table | None:
    """The table that a study names, if it names one; what is wrong with it goes to `faults`."""
    like = content.like
    if like is None:
        return None
    part = LikePart(baseline=like) if isinstance(like, str) else like
    ways = [name for name in ("baseline", "table", "lines") if getattr(part, name)]
    if len(ways) != 1:
        faults.add(("like",), "names the table in one way: `baseline`, `table` or `lines`.")
        return None
    try:
        table = _table(part, ("like",) if isinstance(like, str) else ("like", "baseline"), faults)
        return None if table is None else table.without(part.leave_out) if part.leave_out else table
    except HomingError as error:
        place = f" ({error.where})" if error.where else ""
        faults.add(("like",), f"{error.message}{place}")
        return None


def _table(part: LikePart, place: tuple[str, ...], faults: Faults) -> Table | None:
    if part.baseline is not None:
        known = names("baselines")
        if part.baseline not in known:
            faults.add(place, f"there is no baseline table '{part.baseline}'. {did_you_mean(part.baseline, known)}")
            return None
        return baseline_table(part.baseline)
    if part.table is not None:
        return table_of_file(Path(faults.text.file).parent / part.table)
    return table_of_rows("like", [(f"lines[{i}]", line) for i, line in enumerate(part.lines)])
