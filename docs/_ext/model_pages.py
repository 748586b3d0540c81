"""The pages about the model: its picture, each module's equations typeset, and every value with where it is from."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from markdown_tables import row, table

KINDS = {"rate": "Equations", "shared": "where", "step": "where", "signal": "Emits"}


def pages() -> dict[str, Iterator[str]]:
    """Pages by name."""
    return {"model": _model(), "model-values": _values()}


def pictures() -> dict[str, str]:
    """Pictures by name, as SVG."""
    from homing.biology.ibd import ibd_system
    from homing.report.model_picture import TITLE, model_picture
    from homing.report.places_picture import places_picture

    system = ibd_system()
    return {"model": model_picture(system, TITLE), "model-cells": places_picture(system)}


def _model() -> Iterator[str]:
    from homing.biology.ibd import ibd_system
    from homing.biology.profiles import NATURAL_HISTORY, profile_values

    system = ibd_system()
    values = profile_values(system, *NATURAL_HISTORY)
    yield "# The model, module by module"
    yield ""
    yield (
        f"Written from the code at every build: {len(system.modules)} modules with {len(system.states)} states and "
        f"{len(system.parameters)} parameters. Rates are per day. Values are those of a patient to whom nothing is "
        "given; those of products and drugs are on [a page of their own](model-values.md). A symbol is the one of the "
        "paper where it has one; words in equations are signals, or steps that are printed below them. What a value's "
        "status means: `measured` by its source, `estimated` here from named data, `assumed` for the reason given. "
        "Ranges hold the central 90 % of what is plausible."
    )
    yield "\n## Picture\n"
    yield "[![The modules and what flows between them](model.svg)](model.svg)"
    yield ""
    yield (
        "Boxes are modules, coloured by the part of the body. In a box stand its states and, in the colour of the "
        "module that emits it, every signal that it reads. `homing model picture` writes this picture."
    )
    yield ""
    yield "[![Where product cells go](model-cells.svg)](model-cells.svg)"
    yield ""
    yield (
        "Where a dose lands by each route and carrier, and where its cells go from there; dashed lines lead to what is "
        "only counted. At any time the cells alive, dead and departed, less those born, are the cells delivered."
    )
    for module in system.modules:
        yield f"\n(module-{module.name})=\n## {module.name}\n"
        yield _paragraphs(type(module).__doc__ or "")
        yield from _states(module)
        yield from _reads(system, module)
        yield from _equations(module)
        if module.parameters:
            yield "\n**Parameters**\n"
            yield from _parameters(module, {k: values[f"{module.name}.{k}"] for k in module.parameters})
    yield from _sources(values.values(), "source")
    yield "\n```{toctree}\n:hidden:\n\nmodel-values\n```"


def _equations(module: Any) -> Iterator[str]:
    from homing.report.typeset import equations

    before = ""
    for equation in equations(module):
        heading = KINDS[equation.kind]
        if heading != before and heading:
            yield f"\n**{heading}**"
        before = heading
        if equation.meaning and equation.kind != "rate":
            yield f"\n{_sentence(equation.meaning)}"
        yield f"\n```{{math}}\n{equation.latex}\n```"


def _paragraphs(text: str) -> str:
    """A docstring with each paragraph on one line: a line that starts with + or - is no list."""
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + ":"


def _states(module: Any) -> Iterator[str]:
    from homing.report.typeset import symbols

    if not module.states:
        return
    known = symbols(module)
    yield "\n**States**\n"
    yield from table("symbol", "state", "meaning", "unit", "range")
    for name, state in module.states.items():
        ends = "≥ 0" if state.high == float("inf") else f"{state.low:g} to {state.high:g}"
        yield row(f"${known[name]}$", f"`{module.name}.{name}`", state.doc, state.unit, ends)


def _reads(system: Any, module: Any) -> Iterator[str]:
    if not module.reads:
        return
    yield "\n**Reads**\n"
    yield from table("signal", "meaning", "unit", "from")
    for name, port in module.reads.items():
        who = ", ".join(f"[{w.name}](#module-{w.name})" for w, _ in system.writers.get(name, ())) or "nothing: 0"
        yield row(f"`{name}`", port.doc, port.unit, who)


def _parameters(module: Any, values: Mapping[str, Any], prefix: str = "source") -> Iterator[str]:
    from homing.report.typeset import symbols

    known = symbols(module)
    yield from table("symbol", "parameter", "value (range)", "unit", "status, source, reason")
    for name, value in values.items():
        ends = "" if value.low is None else f" ({value.low:.3g} to {value.high:.3g})"
        number, told = f"{value.number:.4g}{ends}", _told(value, prefix)
        yield row(f"${known[name]}$", f"`{name}` {module.parameters[name].doc}", number, value.unit, told)


def _told(value: Any, prefix: str) -> str:
    reason = "; ".join(part for part in (value.at, value.how, value.because) if part)
    source = f"[{value.source}](#{prefix}-{value.source})" if value.source else ""
    return "; ".join(part for part in (f"`{value.basis}`", source, reason) if part)


def _values() -> Iterator[str]:
    """What each profile says beyond a patient to whom nothing is given."""
    from homing.biology.ibd import ibd_system
    from homing.biology.profiles import NATURAL_HISTORY
    from homing.evidence.profiles import profile_names, read_profile

    system = ibd_system()
    modules = {module.name: module for module in system.modules}
    yield "# Values of products and drugs"
    yield ""
    yield (
        "What makes the one set of equations of [the model](model.md) behave as this kind of cell or that drug. "
        "Products and carriers of the catalogue replace some of these values; `homing catalog show` prints them."
    )
    used = []
    for key in profile_names():
        profile = read_profile(key)
        if key in NATURAL_HISTORY:
            continue
        yield f"\n## {profile.name['en']} (`{key}`)\n"
        yield f"{profile.note}\n"
        for name, module in modules.items():
            own = {k: profile.values[f"{name}.{k}"] for k in module.parameters if f"{name}.{k}" in profile.values}
            if own:
                values = {k: value.to(module.parameters[k].unit) for k, value in own.items()}
                used += values.values()
                yield from _parameters(module, values, "value-source")
    yield from _sources(used, "value-source")


def _sources(values: Iterable[Any], prefix: str) -> Iterator[str]:
    from homing.evidence.sources import load_sources

    known = load_sources()
    yield "\n## Sources\n"
    for key in sorted({value.source for value in values if value.source}):
        yield f"({prefix}-{key})=\n`{key}`: {known[key].citation}\n"
