"""What the documentation prints of a module is what the module computes: its equations, its values, its picture."""

from __future__ import annotations

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.biology.ibd import ibd_system
from homing.mechanism import Module, Parameter, Reads, State, at_least, emits
from homing.report.model_picture import TITLE, model_picture
from homing.report.places_picture import entries, places_picture, ways
from homing.report.tex import Tex, word
from homing.report.typeset import Equation, equations, symbols

SYSTEM = ibd_system()
MODULES = {module.name: module for module in SYSTEM.modules}


def computed(latex: str, values: dict[str, float]) -> float:
    """What LaTeX says, read back: `values` are the numbers of its symbols."""
    for number, symbol in enumerate(sorted(values, key=len, reverse=True)):
        latex = latex.replace(symbol, f"@{number}@")
    numbers = {f"@{i}@": values[s] for i, s in enumerate(sorted(values, key=len, reverse=True))}
    while (at := latex.find(r"\frac{")) >= 0:
        end, depth, cuts = at + 5, 0, []
        while len(cuts) < 2:
            depth += {"{": 1, "}": -1}.get(latex[end], 0)
            end += 1
            if depth == 0:
                cuts.append(end)
        top, bottom = latex[at + 6 : cuts[0] - 1], latex[cuts[0] + 1 : cuts[1] - 1]
        latex = f"{latex[:at]}(({top})/({bottom})){latex[cuts[1] :]}"
    text = latex.replace(r"\cdot", "*").replace(r"\left", "").replace(r"\right", "").replace("^", "**")
    text = text.replace(r"\max", "max").replace(r"\min", "min").replace("{", "(").replace("}", ")")
    text = re.sub(r"@\d+@", lambda m: repr(numbers[m[0]]), text)
    assert "\\" not in text, text
    return float(eval(text, {"max": max, "min": min}))


def right_hand_side(equation: Equation) -> tuple[str, str]:
    left, _, right = " ".join(equation.lines).replace("{}&", "").replace(r"&\qquad {}", "").partition(" = ")
    return left, right


def printed(module: Module, numbers: dict[str, float]) -> dict[str, float]:
    """Every equation of a module computed from what is printed, whatever the order in which they need each other."""
    values = {symbol: numbers[name] for name, symbol in symbols(module).items()}
    values |= {word(name): numbers[name] for name in module.reads if name not in module.signals}
    found, waiting = {}, equations(module)
    for _ in range(len(waiting)):
        for equation in list(waiting):
            left, right = right_hand_side(equation)
            try:
                found[equation.name, left] = values[left] = computed(right, values)
            except AssertionError:
                continue
            waiting.remove(equation)
    assert [e.name for e in waiting] == []
    return {name: number for (name, _), number in found.items()}


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("seed", range(3))
def test_printed_equations_compute_what_the_module_computes(name: str, seed: int) -> None:
    module = MODULES[name]
    names = [*module.states, *module.parameters, *(r for r in module.reads if r not in module.signals)]
    draws = np.random.default_rng(seed).uniform(0.1, 0.9, len(names)).tolist()
    numbers = dict(zip(names, draws, strict=True))
    y = SimpleNamespace(**{k: numbers[k] for k in module.states})
    p = SimpleNamespace(**{k: numbers[k] for k in module.parameters})
    s = SimpleNamespace(**{k: numbers[k] for k in module.reads if k not in module.signals})
    for k, signal in module.signals.items():
        setattr(s, k, signal.function(module, y, p, s))
    found = printed(module, numbers)
    for k, rate in module.rates(y, p, s).items():
        assert found[f"{name}.{k}"] == pytest.approx(float(rate), rel=1e-9, abs=1e-12)
    for k in module.signals:
        assert found[k] == pytest.approx(float(getattr(s, k)), rel=1e-9)


@pytest.mark.parametrize("name", MODULES)
def test_symbols_are_unique_within_a_module_and_every_parameter_is_printed(name: str) -> None:
    module = MODULES[name]
    known = symbols(module)
    assert len(set(known.values())) == len(known)
    text = " ".join(line for e in equations(module) for line in e.lines)
    assert [k for k in [*module.parameters, *module.states] if known[k] not in text] == []


#: Leaves of random expressions, and how each is built from two others.
LEAVES = {"a": 0.7, "b": 1.9, "c": 3.1}
leaf = st.sampled_from([*LEAVES, 1, 2])
trees = st.recursive(leaf, lambda inner: st.tuples(st.sampled_from("+-*/^~"), inner, inner), max_leaves=8)


def built(tree: object, leaves: dict) -> object:
    if not isinstance(tree, tuple):
        return leaves.get(tree, tree)
    op, left, right = tree[0], built(tree[1], leaves), built(tree[2], leaves)
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "/":
            return left / right
        case "~":
            return -left * right
    return left**2


@given(tree=trees)
@settings(max_examples=300, deadline=None)
def test_brackets_are_where_they_must_be(tree: object) -> None:
    try:
        expected = built(tree, LEAVES)
    except (ZeroDivisionError, OverflowError):
        return
    text = built(tree, {k: Tex(rf"\mathrm{{{k}}}") for k in LEAVES})
    shown = text.text if isinstance(text, Tex) else str(text)
    assert computed(shown, {rf"\mathrm{{{k}}}": v for k, v in LEAVES.items()}) == pytest.approx(expected, rel=1e-9)


class Example(Module):
    """A module with a clip, a step that is used twice, and a symbol that two parameters claim."""

    level = State("level", "1", symbol="A_c")
    k_loss = Parameter("loss", "1/d", symbol="k")
    k_gain = Parameter("gain", "1/d", symbol="k")
    half_feed = Parameter("feed for half the gain", "1", symbol="1/x")
    feed = Reads("what feeds it", "1")

    @emits("1")
    def shown(self, y, p, s):
        """The level that is shown."""
        return at_least(y.level - 1, 0)

    def rates(self, y, p, s):
        gained = p.k_gain * s.feed / (p.half_feed + s.feed) * (1 - y.level)
        return {"level": gained - p.k_loss * y.level / gained}


def test_an_example_reads_as_its_author_wrote_it() -> None:
    rate, step, signal = equations(Example())
    slope, loss = r"\frac{\mathrm{d} A_c}{\mathrm{d} t}", r"\frac{k_{\mathrm{loss}} \cdot A_c}{\mathrm{gained}}"
    assert rate.latex == rf"{slope} = \mathrm{{gained}} - {loss}"
    gain = r"\frac{k_{\mathrm{gain}} \cdot \mathrm{feed}}{K_{\mathrm{feed}} + \mathrm{feed}}"
    assert step.latex == rf"\mathrm{{gained}} = {gain} \cdot \left(1 - A_c\right)"
    assert signal.latex == r"\mathrm{shown} = \max\left(A_c - 1, 0\right)"


def test_picture_shows_every_module_state_and_signal_that_is_read() -> None:
    both = ibd_system(products=("product", "second"))
    root = ElementTree.fromstring(model_picture(both, TITLE))
    texts = " ".join(t for t in root.itertext()).replace("_", " ")
    for module in both.modules:
        assert module.name in texts
        assert [k for k in module.states if k.replace("_", " ").split()[0] not in texts] == []
    arrows = [e.text for e in root.iter("{http://www.w3.org/2000/svg}title")][1:]
    wanted = [
        f"{writer.name} to {module.name}: {name.replace('_', ' ')}"
        for module in both.modules
        for name in module.reads
        for writer, _ in both.writers.get(name, ())
        if writer is not module
    ]
    assert sorted(arrows) == sorted(wanted)


def test_picture_of_cells_has_every_way_that_a_balance_of_cells_needs() -> None:
    product = MODULES["product"]
    found = ways(product, SYSTEM)
    places = [f"product.{k}" for k, s in product.states.items() if s.unit == "cell" and not s.tally]
    assert {"product.dead"} | set(places) >= {t for s, t in found if not t.endswith(("born", "arrived", "departed"))}
    assert [p for p in places if (p, "product.dead") not in found] == []
    text = places_picture(SYSTEM)
    titles = [e.text for e in ElementTree.fromstring(text).iter("{http://www.w3.org/2000/svg}title")]
    for source, target in found:
        assert any(t.startswith(f"{source[8:]} to {target[8:]}") for t in titles)
    for name, states in entries().values():
        for state in states:
            if state in places:
                assert f"{name} to {state[8:]}" in titles


def test_boxes_of_the_picture_do_not_overlap() -> None:
    root = ElementTree.fromstring(model_picture(SYSTEM, TITLE))
    frames = [e for e in root.iter("{http://www.w3.org/2000/svg}rect") if e.get("rx") == "7"]
    corners = [tuple(float(e.get(k)) for k in ("x", "y", "width", "height")) for e in frames]
    assert len(corners) == len(SYSTEM.modules)
    for i, (x, y, w, h) in enumerate(corners):
        for x2, y2, w2, h2 in corners[i + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
