"""What commands of `homing evidence` share: options, tables, the user's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.options import place
from homing.cli.tables import print_table
from homing.ground.plain import finite

if TYPE_CHECKING:
    from homing.evidence.store import Store

JSON = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
FOLDER = Annotated[
    Path | None,
    place("Your own evidence, laid over Homing's. [default: ./homing-evidence]", "--folder"),
]


def open_store(folder: Path | None) -> Store:
    """The store with the user's folder over it. Raises EvidenceError for a folder that is named and not there."""
    from homing.evidence.root import use_folder
    from homing.evidence.store import load_store
    from homing.ground.errors import EvidenceError

    if folder is not None:
        if not folder.exists():
            raise EvidenceError("there is no such folder. `homing evidence add` makes one.", str(folder))
        use_folder(folder)
    return load_store()


def print_json(content: Any) -> None:
    """Print as JSON, null for NaN and infinity, which JSON doesn't know."""
    typer.echo(json.dumps(finite(content), ensure_ascii=False, indent=1, allow_nan=False))


def print_rows(rows: Sequence[dict[str, Any]], as_json: bool = False) -> None:
    """Rows as a table, or as JSON."""
    if as_json:
        print_json(list(rows))
        return
    if rows:
        print_table(list(rows[0]), ([str(cell) for cell in row.values()] for row in rows))


def shown(estimate: float, low: float, high: float, digits: int = 3) -> str:
    """'1.310 (0.994 to 1.725)'; a dash where there is nothing."""
    if estimate != estimate:
        return "-"
    return f"{estimate:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
