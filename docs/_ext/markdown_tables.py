"""Tables in Markdown."""

from __future__ import annotations


def cell(text: object) -> str:
    """Text that stays within its cell."""
    return str(text).replace("|", "/").replace("\n", " ").replace("<", "&lt;").replace("*", "\\*")


def table(*heads: str) -> list[str]:
    """The head of a table."""
    return [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]


def row(*cells: object) -> str:
    """One row of a table."""
    return f"| {' | '.join(cell(each) for each in cells)} |"
