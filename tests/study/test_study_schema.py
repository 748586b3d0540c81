"""The JSON Schema says of a study file what the reader takes."""

import json

import pytest

from homing.study.json_schema import json_schema


def objects(node, place=""):
    """Every mapping of the schema that lists its keys, with its place."""
    if isinstance(node, dict):
        if "properties" in node:
            yield place, node
        for key, part in node.items():
            yield from objects(part, f"{place}/{key}")


def test_it_is_plain_json_and_each_call_gives_a_copy():
    schema = json_schema()
    assert json.loads(json.dumps(schema)) == schema
    schema.clear()
    assert json_schema()["title"] == "Homing study"


def test_every_mapping_refuses_unknown_keys_and_explains_each_of_its_own():
    found = dict(objects(json_schema()))
    assert len(found) >= 10
    for place, node in found.items():
        assert node["additionalProperties"] is False, place
        assert node["description"], place
        for key, part in node["properties"].items():
            assert part["title"], f"{place} {key}"
            assert part["description"], f"{place} {key}"


def test_every_key_that_is_typed_by_hand_has_an_example():
    for place, node in objects(json_schema()):
        for key, part in node["properties"].items():
            if {"$ref"} & set(part) or part.get("type") == "array" or key in {"question", "resolved", "lot", "label"}:
                continue
            assert part["examples"], f"{place} {key}"


def test_nothing_may_be_null():
    assert '"null"' not in json.dumps(json_schema())


def matches(value, node, root):
    """Whether a value of YAML fits a node of the schema: the part of JSON Schema that ours uses."""
    if "$ref" in node:
        return matches(value, root["$defs"][node["$ref"].rsplit("/", 1)[-1]], root)
    if "oneOf" in node:
        return sum(matches(value, shape, root) for shape in node["oneOf"]) == 1
    if "enum" in node:
        return value in node["enum"]
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float)}
    types = node["type"] if isinstance(node["type"], list) else [node["type"]]
    if not any(isinstance(value, kinds[kind]) for kind in types):
        return False
    if isinstance(value, dict):
        known = node.get("properties", {})
        others = node.get("additionalProperties", True)
        return set(node.get("required", ())) <= set(value) and all(
            matches(part, known[key], root)
            if key in known
            else isinstance(others, dict) and matches(part, others, root)
            if others is not True
            else True
            for key, part in value.items()
        )
    if isinstance(value, list):
        return all(matches(part, node["items"], root) for part in value)
    return True


def test_sound_files_fit_the_schema(sound):
    import yaml

    schema = json_schema()
    assert matches(yaml.safe_load(sound.read_text(encoding="utf-8-sig")), schema, schema)


@pytest.mark.parametrize(
    "change",
    [
        ("seed: 2016", "sead: 2016"),
        ("study: ADMIRE-CD in virtual patients\n", ""),
        ("visits: [week 0,", "visits: [0,"),
        ("at: week 24}", "at: 24}"),
        ("language: en", "language: fr"),
        ("homing: 1 ", "homing: 2 "),
    ],
)
def test_a_faulty_file_does_not_fit(admire, change):
    import yaml

    schema = json_schema()
    text = admire.replace(*change, 1)
    assert text != admire
    assert not matches(yaml.safe_load(text), schema, schema)
