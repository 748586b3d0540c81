"""The four kinds of error, and what each of them has to say.

An error names the place, says what is wrong there and what would be right. Nothing asks the user to bend data.
"""

from __future__ import annotations


class HomingError(Exception):
    """Anything Homing refuses. `exit_code` is what the command line ends with.

    Arguments: `message` says what is wrong and what would be right; `where` names the file, line and key
    (for instance `study.yaml:14: arms.cells.courses[0].dose`).
    """

    exit_code = 2

    def __init__(self, message: str, where: str = "") -> None:
        self.message = message
        self.where = where
        super().__init__(f"{where}: {message}" if where else message)


class StudyError(HomingError):
    """Your file: the study, an event table, a folder that can't be written."""


class EvidenceError(HomingError):
    """A number or a source of the catalogue or the evidence store."""


class WiringError(HomingError):
    """Modules that don't fit together."""


class NumericsError(HomingError):
    """The solve as a whole. A single patient that fails is a row with its status, never an exception."""

    exit_code = 3
