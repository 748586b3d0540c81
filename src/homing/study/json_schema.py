"""The JSON Schema of the study file, so that an editor completes keys and marks faults as they are typed."""

from __future__ import annotations

from typing import Any

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the study file, format 1, as plain data.

    Example:
        >>> json_schema()["title"]
        'Homing study'
    """
    from homing.study.schema import StudyContent

    schema: dict[str, Any] = _written({"$schema": DIALECT, **StudyContent.model_json_schema(by_alias=True)})
    return schema


def _written(node: Any) -> Any:
    """The schema of what may be written: a key that may be left out takes its value's shape, and never `null`."""
    if isinstance(node, list):
        return [_written(part) for part in node]
    if not isinstance(node, dict):
        return node
    shapes = node.get("anyOf", [])
    kept = [shape for shape in shapes if shape != {"type": "null"}]
    if len(shapes) == 2 and len(kept) == 1:
        rest = {key: value for key, value in node.items() if key not in {"anyOf", "default"}}
        node = {**kept[0], **rest}
    return {key: _written(value) for key, value in node.items()}
