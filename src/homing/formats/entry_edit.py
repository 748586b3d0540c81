"""One result added to a trial file as it stands: its comments, order and every other fact stay as they were.

The addition is written into the text and the whole read again; where the text can't take it so (a part written in
another form), the file is written anew, unless that would lose comments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

from homing.formats.entry_files import Dumper, ImportedTrial, as_yaml
from homing.ground.errors import EvidenceError
from homing.ground.text_yaml import TextTree, parse_yaml

#: Fields of a trial or an arm by the columns of a table that give them.
_FIELD = {"part_of": "part of", "label_zh": "label", "design_zh": "design", "phenotype_zh": "phenotype"}
_STUDY = ("name", "year", "ids", "disease", "phenotype", "design", "randomised", "blinded", "blinding", "status")
_ARM = ("label", "role", "treatment", "n", "product", "dose", "route", "note", "treated", "analysed", "part of")


def added_to(text: str, file: str, new: ImportedTrial, arm: str, given: Mapping[str, str]) -> ImportedTrial:
    """A trial file's text with the rows of `new` in it, and what is `given` (by column) of the trial and the arm.

    Raises: EvidenceError where a fact given is another in the file, or a file with comments can't be added to.
    """
    tree = parse_yaml(text, file, kind=EvidenceError)
    fields = {_FIELD.get(column, column) for column in given}
    trial, arms = dict(tree.tree), dict(tree.tree.get("arms") or {})
    facts = _missing(trial, new.trial, [f for f in _STUDY if f in fields], file)
    of_arm = (
        {} if arm not in arms else _missing(arms[arm], new.trial["arms"][arm], [f for f in _ARM if f in fields], file)
    )
    trial |= facts
    trial["arms"] = arms | {arm: {**arms[arm], **of_arm} if arm in arms else new.trial["arms"][arm]}
    rows = {part: list(new.trial.get(part) or []) for part in ("outcomes", "adverse events")}
    for part, more in rows.items():
        if more:
            trial[part] = [*(trial.get(part) or []), *more]
    lines = text.splitlines()
    for part, more in rows.items():
        lines = _with_rows(lines, tree, part, more) if more else lines
    lines = _with_arm(lines, tree, arm, of_arm if arm in arms else new.trial["arms"][arm])
    lines += as_yaml(facts).splitlines() if facts else []
    written = "\n".join(lines) + "\n"
    if not _says(written, file, trial):
        if any(line.lstrip().startswith("#") for line in text.splitlines()):
            raise EvidenceError("has comments, and is not in the form that can be added to. Write it in by hand.", file)
        written = as_yaml(trial)
    return replace(new, trial=trial, notes=(), text=written)


def _missing(there: Mapping[str, Any], new: Mapping[str, Any], fields: list[str], file: str) -> dict[str, Any]:
    """The fields that aren't there yet; one that is there and says another thing is refused."""
    found = {}
    for field in fields:
        value = new[field]
        if there.get(field) in (None, ""):
            found[field] = value
        elif there[field] != value and not (field == "label" and there[field].get("en") == value["en"]):
            raise EvidenceError(
                f"`{field}` is {_line(there[field])} there, and {_line(value)} is given. Change it in the file.", file
            )
    return found


def _says(text: str, file: str, trial: Mapping[str, Any]) -> bool:
    try:
        return bool(parse_yaml(text, file, kind=EvidenceError).tree == trial)
    except EvidenceError:
        return False


def _line(data: Any) -> str:
    """Nested text on one line."""
    whole = yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False, default_flow_style=True, width=10**9)
    return whole.removesuffix("...\n").strip()


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _end(lines: list[str], start: int) -> int:
    """The place behind what begins at a line: the next line not indented deeper, without what is blank before it."""
    own, end = _indent(lines[start]), start + 1
    while end < len(lines) and (not lines[end].strip() or _indent(lines[end]) > own):
        end += 1
    while not lines[end - 1].strip():
        end -= 1
    return end


def _with_rows(lines: list[str], tree: TextTree, part: str, rows: list[Any]) -> list[str]:
    there = tree.tree.get(part) or []
    if not there:
        return [*lines, f"{part}:", *(f"  - {_line(row)}" for row in rows)]
    last = tree.lines[part, len(there) - 1] - 1
    space = " " * _indent(lines[last])
    end = _end(lines, last)
    return [*lines[:end], *(f"{space}- {_line(row)}" for row in rows), *lines[end:]]


def _with_arm(lines: list[str], tree: TextTree, arm: str, facts: Mapping[str, Any]) -> list[str]:
    """The arm's facts in its mapping, or a new arm behind the last one."""
    if not facts:
        return lines
    arms = tree.tree.get("arms") or {}
    beside = arm if arm in arms else next(reversed(arms))
    start = tree.lines["arms", beside] - 1  # arms stand before the rows in every file, or the result is found wrong
    end, space = _end(lines, start), " " * _indent(lines[start])
    if arm not in arms:
        return [*lines[:end], f"{space}{arm}: {_line(facts)}", *lines[end:]]
    inside = ", ".join(f"{key}: {_line(value)}" for key, value in facts.items())
    if lines[end - 1].rstrip().endswith("}") and "{" in lines[start]:
        return [*lines[: end - 1], f"{lines[end - 1].rstrip()[:-1]}, {inside}}}", *lines[end:]]
    deeper = " " * _indent(lines[end - 1])
    return [*lines[:end], *(f"{deeper}{key}: {_line(value)}" for key, value in facts.items()), *lines[end:]]
