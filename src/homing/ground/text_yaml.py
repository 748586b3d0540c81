"""YAML with every scalar kept as text and every key with its line, so that a refusal can name the place.

YAML's own guesses turn `no` into false, `1:30` into 90 and leave `120e6` as text; here nothing is guessed and the
schema converts. Anchors and aliases are refused (a few lines of them can stand for gigabytes), so are duplicate keys.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from homing.ground.errors import HomingError

#: A study is a page of text; the largest catalogue file is well below.
LARGEST_FILE = 2_000_000
DEEPEST_NESTING = 40

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class TextTree:
    """A YAML file as nested dict, list and text, and the line of each key path."""

    file: str
    tree: Any
    lines: dict[Path_, int] = field(default_factory=dict)

    def where(self, path: Path_) -> str:
        """'study.yaml:14: arms[0].dose' for a key path; the nearest known parent gives the line."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        line = self.lines.get(known, 1)
        spot = key_path(path)
        return f"{self.file}:{line}: {spot}" if spot else f"{self.file}:{line}"


def key_path(path: Path_) -> str:
    """('arms', 0, 'dose') as 'arms[0].dose'."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else str(part))
    return text


def read_yaml(file: Path | str, *, kind: type[HomingError] = HomingError) -> TextTree:
    """Read a YAML file. `kind` is the error to raise (StudyError for a user's file, EvidenceError for the catalogue).

    Raises: `kind` for a missing, unreadable, too large, wrongly encoded, empty or broken file, duplicate keys, aliases.
    """
    path = Path(file)
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise kind(f"there is no such file.{_nearby(path)}", str(path)) from None
    except IsADirectoryError:
        raise kind("this is a folder; name the YAML file in it.", str(path)) from None
    except OSError as e:
        raise kind(f"can't be read ({e.strerror}).", str(path)) from None
    if len(raw) > LARGEST_FILE:
        raise kind(f"is larger than {LARGEST_FILE // 1_000_000} MB; is it the right file?", str(path))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = raw[: e.start].count(b"\n") + 1
        raise kind("is not UTF-8 text. Save it with the encoding UTF-8.", f"{path}:{line}") from None
    return parse_yaml(text, str(path), kind=kind)


def parse_yaml(text: str, file: str, *, kind: type[HomingError] = HomingError) -> TextTree:
    """Parse YAML text. See `read_yaml`."""
    try:
        node = yaml.compose(text, Loader=_NoAliases)
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        place = f"{file}:{mark.line + 1}" if mark else file
        problem = e.problem or e.context or "the text can't be parsed"
        raise kind(f"broken YAML: {problem}. Check indentation, colons and quotes there.", place) from None
    except yaml.YAMLError as e:
        raise kind(f"broken YAML: {str(e).splitlines()[0]}.", file) from None
    except RecursionError:
        raise kind("is nested too deeply.", file) from None
    if node is None:
        raise kind("is empty.", file)
    lines: dict[Path_, int] = {}
    return TextTree(file, _plain(node, (), lines, file, kind), lines)


#: libyaml's parser where PyYAML has it (several times as fast), else the one in Python; nodes are composed here.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _NoAliases(yaml.composer.Composer, _Parser):
    def __init__(self, text: str) -> None:
        _Parser.__init__(self, text)
        yaml.composer.Composer.__init__(self)

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise yaml.composer.ComposerError(
                None, None, "anchors (&) and aliases (*) are not taken; write the value out", event.start_mark
            )
        return super().compose_node(parent, index)


def _plain(node: yaml.Node, path: Path_, lines: dict[Path_, int], file: str, kind: type[HomingError]) -> Any:
    lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > DEEPEST_NESTING:
        raise kind("is nested too deeply.", f"{file}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.ScalarNode):
        return None if not node.style and node.value in {"", "~", "null"} else node.value
    if isinstance(node, yaml.SequenceNode):
        return [_plain(child, (*path, i), lines, file, kind) for i, child in enumerate(node.value)]
    out: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise kind("a key must be plain text.", f"{file}:{line}")
        key = key_node.value
        if key in out:
            raise kind(f"the key '{key}' stands twice.", f"{file}:{line}: {key_path((*path, key))}")
        lines[(*path, key)] = line
        out[key] = _plain(value_node, (*path, key), lines, file, kind)
    return out


def _nearby(path: Path) -> str:
    try:
        names = [p.name for p in path.parent.iterdir() if p.suffix in {".yaml", ".yml"}]
    except OSError:
        return ""
    near = difflib.get_close_matches(path.name, names, n=1)
    return f" Did you mean '{path.parent / near[0]}'?" if near else ""
