"""Read a study file: text, then typed content, or one refusal that lists every fault with file, line and key."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import Path_, TextTree, parse_yaml, read_yaml
from homing.ground.units import split_quantity
from homing.study.dosed import dosed_by_name
from homing.study.faults import Faults
from homing.study.json_schema import json_schema
from homing.study.scalars import FORMAT, shown
from homing.study.schema import SHAPE, StudyContent

#: The start of a number with commas between its thousands, and what stands between and behind them.
_THOUSANDS, _THREE = re.compile(r"[+-]?\d{1,3}$"), re.compile(r"\d{3}(?!\d)")


@dataclass(frozen=True)
class StudyFile:
    """A study file as read: its typed content, and its text with the line of every key."""

    content: StudyContent
    text: TextTree


def read_study_file(path: Path | str) -> StudyFile:
    """Read and type a study file.

    Raises: StudyError for a file that can't be read as YAML; or one that lists all faults of its content, each as
    `file:line: key.path: what is wrong. What would be right.`
    """
    return _typed(read_yaml(path, kind=StudyError))


def parse_study(text: str, file: str = "study.yaml") -> StudyFile:
    """Type a study given as text. `file` is the name that refusals show. Raises: as `read_study_file`."""
    return _typed(parse_yaml(text, file, kind=StudyError))


def _typed(text: TextTree) -> StudyFile:
    from pydantic import ValidationError

    if not isinstance(text.tree, dict):
        kind = "a list" if isinstance(text.tree, list) else "a single text"
        raise StudyError(
            f"holds {kind}; a study file is a mapping of keys and begins with 'homing: 1'.", text.where(())
        )
    written = text.tree.get("homing")
    if isinstance(written, str) and written != str(FORMAT):  # another format: its other faults would mislead
        raise StudyError(
            f"format {shown(written)} is not known to this version of Homing, which reads format {FORMAT}.",
            text.where(("homing",)),
        )
    faults = Faults(text)
    parted = dict(_parted_numbers(text.tree))
    for path, written in parted.items():
        faults.add(path, f"{shown(written)} has commas, which part entries here. Write '{written.replace(',', '')}'.")
    pieces = {(*path[:-1], key) for path in parted for key in _pieces(_at(text.tree, path[:-1]), str(path[-1]))}
    empty = set(_empty_keys({key: value for key, value in text.tree.items() if key != "resolved"})) - pieces
    for path in empty:
        faults.add(path, f"has no value. {_help(path)}")
    content = None
    try:
        content = StudyContent.model_validate(text.tree)
    except ValidationError as e:
        errors = [(_path(error["loc"], text.tree), error) for error in e.errors(include_url=False)]
        meant = {_meant(path) for path, error in errors if error["type"] == "extra_forbidden"}
        for path, error in errors:
            # a misspelt key is one fault, not two; so is a key without a value, or a list of nothing but faults
            told = (error["type"] == "missing" and path in meant) or (
                error["type"] == "too_short" and any(other[: len(path)] == path != other for other, _ in errors)
            )
            if path not in empty and path not in parted and path not in pieces and not told:
                faults.add(path, _says(path, error, text.tree))
    faults.refuse()
    if content is None:
        raise StudyError("can't be understood as a study.", text.where(()))
    return StudyFile(content, text)


def _empty_keys(node: Any, path: Path_ = ()) -> Iterable[Path_]:
    """The paths of keys that stand without a value."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for part, value in parts:
        if value is None:
            yield (*path, part)
        else:
            yield from _empty_keys(value, (*path, part))


def _parted_numbers(node: Any, path: Path_ = ()) -> Iterable[tuple[Path_, str]]:
    """Numbers with commas between their thousands, which `{...}` takes for several keys: each as it was written."""
    parts = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for part, value in parts:
        pieces = _pieces(node, str(part)) if isinstance(node, dict) and isinstance(value, str) else []
        if pieces:
            yield (*path, part), ",".join([value, *pieces])
        else:
            yield from _parted_numbers(value, (*path, part))


def _pieces(node: Any, key: str) -> list[str]:
    """The keys without a value that follow a key whose value is a number, and read as the rest of that number."""
    if not isinstance(node[key], str) or not _THOUSANDS.match(node[key]):
        return []
    after = itertools.islice(node.items(), list(node).index(key) + 1, None)
    return [name for name, _ in itertools.takewhile(lambda each: each[1] is None and _THREE.match(each[0]), after)]


def _path(location: Iterable[str | int], tree: Any) -> Path_:
    """pydantic's location as a path in the file: without the tags of shapes, and a key's own fault at the key."""
    path: list[str | int] = []
    node = tree
    for part in location:
        inside = isinstance(node, dict) and part in node
        if isinstance(part, str) and part.startswith(SHAPE) and not inside:
            continue
        path.append(part)
        listed = isinstance(node, list) and isinstance(part, int)
        node = node[part] if inside or listed else None
    return tuple(path[:-1] if path and path[-1] == "[key]" else path)


def _meant(path: Path_) -> Path_:
    """The path that a misspelt key was meant to be."""
    suggestion = did_you_mean(str(path[-1]), _keys(path[:-1]))
    return (*path[:-1], suggestion.removeprefix("Did you mean '").removesuffix("'?"))


def _says(path: Path_, error: Any, tree: Any) -> str:
    """What one pydantic error says, in Homing's words."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "homing":
        return str(context["says"])
    if kind == "homing-no-value":
        return f"{context['says']} {_help(path, context['example'])}"
    if kind == "homing-no-unit":
        return _units(path, tree, context)
    if kind == "extra_forbidden":
        return f"unknown key {shown(str(path[-1]))}. {did_you_mean(str(path[-1]), _keys(path[:-1]))}"
    if kind == "too_long":
        return f"holds {context['actual_length']} entries; {context['max_length']} is the most."
    said = {
        "missing": "is missing",
        "model_type": "must be a mapping of keys to values",
        "dict_type": "must be a mapping of keys to values",
        "tuple_type": "must be a list",
        "too_short": "is empty",
    }
    return f"{said.get(kind, error['msg'])}. {_help(path)}"


def _units(path: Path_, tree: Any, context: Any) -> str:
    """A dose without a unit, with the units that what is given is dosed in where that is known."""
    text, course = context["text"], _at(tree, path[:-1])
    own = tree.get("products")
    name = course.get("give") if isinstance(course, dict) else None
    found = dosed_by_name(name, own if isinstance(own, dict) else {})
    if found is None:
        return str(context["says"])
    units = found.units_of(split_quantity(text)[0])
    ways = [f"'{text} {unit}'" + (" (by each patient's weight)" if "/kg" in unit else "") for unit in units]
    return f"{shown(text)} has no unit, and '{name}' is {found.what}. Write {' or '.join(ways)}."


def _at(tree: Any, path: Path_) -> Any:
    """What stands at a path of the file; None where there is nothing."""
    for part in path:
        inside = (isinstance(tree, dict) and part in tree) or (isinstance(tree, list) and isinstance(part, int))
        tree = tree[part] if inside else None
    return tree


def _help(path: Path_, otherwise: str = "") -> str:
    """What a key is for and an example of it, from the schema; `otherwise` the example where that has none."""
    node = next(iter(_nodes(path)), {})
    about = str(node.get("description", "")).splitlines()
    examples = node.get("examples") or ([otherwise] if otherwise else [])
    key = f"{path[-1]}: " if isinstance(path[-1], str) else ""
    example = f" Write for instance '{key}{_flow(examples[0])}'." if examples else ""
    return f"{about[0] if about else ''}{example}".strip()


def _flow(value: Any) -> str:
    """A plain value in YAML's one-line form, as a person would type it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_flow(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(_flow(v) for v in value) + "]" if isinstance(value, list) else str(value)


@functools.lru_cache(maxsize=1)
def _schema() -> dict[str, Any]:
    return json_schema()


def _keys(path: Path_) -> list[str]:
    return [key for node in _nodes(path) for key in node.get("properties", {})]


def _nodes(path: Path_) -> Iterable[dict[str, Any]]:
    """The nodes of the JSON Schema that describe a key path, the key's own description first."""
    root = _schema()
    nodes = _shapes(root, root)
    for part in path:
        below = []
        for node in nodes:
            inside = node.get("items") if isinstance(part, int) else None
            if isinstance(part, str):
                inside = node.get("properties", {}).get(part, node.get("additionalProperties"))
            if isinstance(inside, dict):
                below.extend(_shapes(inside, root))
        nodes = below
    return nodes


def _shapes(node: dict[str, Any], root: dict[str, Any]) -> list[dict[str, Any]]:
    """A node and what it refers to, with every shape it may have."""
    found = [node]
    if "$ref" in node:
        found += _shapes(root["$defs"][node["$ref"].rsplit("/", 1)[-1]], root)
    for shape in (*node.get("oneOf", ()), *node.get("anyOf", ()), *node.get("allOf", ())):
        found += _shapes(shape, root)
    return found
