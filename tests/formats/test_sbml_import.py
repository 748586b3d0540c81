"""What an imported model is, and what is refused by name."""

import math

import numpy as np
import pytest

from homing.engine import compile_system
from homing.formats.sbml_import import antimony_to_sbml, model_of_sbml, read_model
from homing.ground.errors import StudyError, WiringError
from homing.protocol.events import Events


def model(text):
    return model_of_sbml(antimony_to_sbml(f"model m()\n{text}\nend"))


def run(found, outputs, times, **changes):
    values = found.parameters(changes)
    compiled = compile_system(found.system, outputs, list(changes))
    return compiled.run(found.start(values), values, Events.none(1), times, side="right", rtol=1e-9).values[0]


def test_states_are_amounts_and_brackets_concentrations():
    found = model("compartment c = 4; species S in c; S = 10; J: S -> ; 0.1 * S * c")
    assert found.start(found.values)[0].tolist() == [40.0]
    assert run(found, ["S", "[S]"], [1.0])[0] == pytest.approx([40 * math.exp(-0.1), 10 * math.exp(-0.1)], rel=1e-7)


def test_initial_assignments_follow_the_parameters():
    found = model("a = 2; b = 3 * a; x = a + b; x' = -x")
    assert found.start(found.parameters({"a": 1.0}))[0].tolist() == [4.0]
    many = found.start(found.parameters({"a": np.array([1.0, 2.0])}), 2)
    assert many[:, 0].tolist() == [4.0, 8.0] and "b" not in found.values


def test_local_parameters_have_the_name_of_their_reaction():
    text = antimony_to_sbml("model m()\nS = 1; J: S -> ; k * S; k = 0.5\nend")
    local = text.replace(
        "</math>\n      </kineticLaw>",
        '</math><listOfLocalParameters><localParameter id="k" value="0.25"/></listOfLocalParameters></kineticLaw>',
    )
    if "localParameter" not in local:
        local = text.replace(
            "</kineticLaw>",
            '<listOfLocalParameters><localParameter id="k" value="0.25"/></listOfLocalParameters></kineticLaw>',
        )
    found = model_of_sbml(local)
    assert found.values["J.k"] == 0.25
    assert run(found, ["S"], [2.0])[0] == pytest.approx([math.exp(-0.5)], rel=1e-7)


def test_assigned_quantities_and_reactions_are_signals():
    found = model("x = 1; x' = -J; y := 2 * x + time; J: -> ; 0.5 * x")
    assert {"y", "J"} <= set(found.system.signals) and found.system.clock == "time"
    assert run(found, ["y", "J"], [2.0])[0] == pytest.approx([2 * math.exp(-1) + 2, 0.5 * math.exp(-1)], rel=1e-7)


def test_an_event_on_a_compartment_keeps_amounts():
    found = model("compartment c = 1; species S in c; S = 6; at (time > 1): c = 3")
    assert run(found, ["S", "[S]"], [0.5, 2.0]).tolist() == [[6.0, 6.0], [6.0, 2.0]]


SBML = """<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version1/core" level="3" version="1"><model id="m">
<listOfParameters><parameter id="x" value="1" constant="false"/></listOfParameters>{}</model></sbml>"""
MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">{}</math>'


@pytest.mark.parametrize(
    ("what", "inside", "words"),
    [
        (
            "algebraic",
            f"<listOfRules><algebraicRule>{MATH.format('<ci>x</ci>')}</algebraicRule></listOfRules>",
            "algebraic",
        ),
        (
            "delay",
            '<listOfRules><rateRule variable="x">'
            + MATH.format(
                '<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/delay">delay</csymbol>'
                "<ci>x</ci><cn>1</cn></apply>"
            )
            + "</rateRule></listOfRules>",
            "delay differential equations",
        ),
        (
            "unknown name",
            f'<listOfRules><rateRule variable="x">{MATH.format("<ci>z</ci>")}</rateRule></listOfRules>',
            "z",
        ),
        (
            "factorial",
            '<listOfRules><rateRule variable="x">'
            + MATH.format("<apply><factorial/><ci>x</ci></apply>")
            + "</rateRule></listOfRules>",
            "factorial",
        ),
    ],
)
def test_what_is_outside_is_refused_by_name(what, inside, words):
    with pytest.raises(StudyError, match=words):
        model_of_sbml(SBML.format(inside))


def test_fast_reactions_are_refused():
    reaction = f"""<listOfReactions><reaction id="J" reversible="false" fast="true"><kineticLaw>
        {MATH.format("<ci>x</ci>")}</kineticLaw></reaction></listOfReactions>"""
    with pytest.raises(StudyError, match="fast reactions"):
        model_of_sbml(SBML.format(reaction))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "empty"),
        ("<notsbml/>", "not valid SBML"),
        ("<sbml", "not valid SBML"),
        ("model m(\n x = ", "Antimony does not take"),
        ("model m()\n x' = y\nend", "y"),
    ],
)
def test_faulty_files_are_named(tmp_path, content, words):
    file = tmp_path / ("m.xml" if content.startswith("<") else "m.ant")
    file.write_text(content, encoding="utf-8")
    with pytest.raises(StudyError, match=words) as e:
        read_model(file)
    assert str(file) in str(e.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(StudyError, match="can't be read"):
        read_model(tmp_path / "none.xml")


def test_an_unknown_output_or_parameter_gets_a_near_match():
    found = model("alpha = 1; x = 1; x' = -alpha * x")
    with pytest.raises(WiringError, match="Did you mean 'alpha'"):
        found.parameters({"alhpa": 1.0})
    with pytest.raises(WiringError, match="state or signal 'xx'"):
        found.names(["xx"])
