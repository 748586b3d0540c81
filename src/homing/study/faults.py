"""The faults of a study file, gathered so that one refusal names them all, each with its line and key."""

from __future__ import annotations

from dataclasses import dataclass, field

from homing.ground.errors import StudyError
from homing.ground.text_yaml import Path_, TextTree

MOST_SHOWN = 50


@dataclass
class Faults:
    """What is wrong with one study file, in the order found."""

    text: TextTree
    found: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, path: Path_, message: str) -> None:
        """Note a fault at a key path. The same fault at the same place is noted once."""
        where = self.text.where(path)
        fault = (_line(where, self.text.file), where, " ".join(message.split()))
        if fault not in self.found:
            self.found.append(fault)

    def refuse(self) -> None:
        """Raise one StudyError with all faults, by line, if there are any."""
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda fault: fault[0])
        _, where, message = ordered[0]
        more = [f"{place}: {says}" for _, place, says in ordered[1:MOST_SHOWN]]
        if len(ordered) > MOST_SHOWN:
            more.append(f"{self.text.file}: and {len(ordered) - MOST_SHOWN} more faults.")
        raise StudyError("\n".join([message, *more]), where)


def _line(where: str, file: str) -> int:
    number = where[len(file) + 1 :].split(":", 1)[0]
    return int(number) if number.isdigit() else 0
