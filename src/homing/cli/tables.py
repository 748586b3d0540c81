"""Tables on the terminal: nothing in them is cut off, and what goes to a file or another program is wide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

#: Columns where the output goes to a file or another program.
WIDE = 200


def console() -> Console:
    """Where tables are printed."""
    from rich.console import Console

    found = Console()
    return found if found.is_terminal else Console(width=WIDE)


def print_table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, lines: bool = False) -> None:
    """Print rows of text under heads. Long cells are folded, never cut; `lines` rules between rows."""
    from rich.table import Table
    from rich.text import Text

    table = Table(show_lines=lines)
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    console().print(table)
