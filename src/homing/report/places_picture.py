"""A picture of where the cells of a product go, as SVG: routes and carriers, the places they lead to, and the ways on.

Nothing is listed here: the ways are read off the equations (a place whose rate depends on the cells in another is fed
by it), the entries off the catalogue's routes and carriers.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from homing.mechanism import Module, System

TITLE = "Where product cells go: from routes and carriers, between places, and out"
_WIDTH, _HEIGHT, _GAP, _ROW, _MARGIN, _TOP = 168, 46, 74, 74, 20, 84
_FONT = "font-family='Helvetica, Arial, Noto Sans, sans-serif'"
_ENTRY, _PLACE, _OUT = "#6b7f1a", "#1b6ca8", "#4a5560"


#: How often the rows are put in the order of what they are linked with.
_SWEEPS = 9


@dataclass(eq=False)
class _Spot:
    """A box: a way in, a place, or a tally."""

    label: str
    doc: str
    colour: str
    column: int
    row: float = 0.0

    @property
    def x(self) -> float:
        return _MARGIN + self.column * (_WIDTH + _GAP)

    @property
    def y(self) -> float:
        return _TOP + self.row * _ROW


def ways(module: Module, system: System) -> dict[tuple[str, str], str]:
    """{(from, to): the rate per cell} between the states of a module that count cells, tallies included."""
    import sympy

    states = [f"{module.name}.{k}" for k, s in module.states.items() if s.unit == "cell"]
    symbols, _, rates = system.symbols()
    found = {}
    for source in states:
        cells = symbols[system.index[source]]
        for target in states:
            per_cell = sympy.diff(rates[system.index[target]], cells)
            if source != target and per_cell != 0:
                found[source, target] = ", ".join(
                    sorted(
                        str(s).partition(".")[2]
                        for s in per_cell.free_symbols
                        if str(s).startswith(f"{module.name}.k_")
                    )
                )
    return found


def entries() -> dict[str, tuple[str, list[str]]]:
    """{key: (name, states)} of the routes and carriers that bring cells somewhere, from the catalogue."""
    from homing.evidence.catalogue import names
    from homing.protocol import catalogue
    from homing.protocol.product import Carrier, Route

    given: list[Route | Carrier] = [
        *(catalogue.route(key) for key in names("routes")),
        *(catalogue.carrier(key) for key in names("carriers")),
    ]
    return {each.key: (each.name["en"], [d.state for d in each.deposits]) for each in given if each.deposits}


def places_picture(system: System, name: str = "product") -> str:
    """The SVG text for one module of product cells."""
    module = next(m for m in system.modules if m.name == name)
    links = ways(module, system)
    spots = _spots(module, links)
    into = {
        key: (label, [s for s in states if s in spots and not module.states[s.partition(".")[2]].tally])
        for key, (label, states) in entries().items()
    }
    into = {key: (label, states) for key, (label, states) in into.items() if states}
    for key, (label, _) in into.items():
        spots[key] = _Spot(label, "", _ENTRY, 0)
    arrows = [(spots[key], spots[state], "", 1.5) for key, (_, states) in into.items() for state in states]
    for (source, target), rate in links.items():
        tally = module.states[target.partition(".")[2]].tally
        arrows.append((spots[source], spots[target], rate, 0.8 if tally else 1.8))
    rows = _arranged(spots, arrows)
    width = 2 * _MARGIN + (1 + max(s.column for s in spots.values())) * (_WIDTH + _GAP) - _GAP
    return "\n".join(_drawn(spots, arrows, width, _TOP + rows * _ROW)) + "\n"


def _spots(module: Module, links: dict[tuple[str, str], str]) -> dict[str, _Spot]:
    """Places in columns by how many ways lead to them from one that nothing feeds; tallies in the last."""
    cells = {f"{module.name}.{k}": s for k, s in module.states.items() if s.unit == "cell"}
    places = [name for name, s in cells.items() if not s.tally]
    fed = {target for source, target in links if source in places and target in places}
    column = {name: 1 for name in places if name not in fed} or {places[0]: 1}
    while True:
        near = {t: column[s] + 1 for s, t in links if s in column and t in places and t not in column}
        if not near:
            break
        column |= near
    last = 1 + max(column.values())
    out = {}
    for name, state in cells.items():
        label = name.partition(".")[2].replace("_", " ")
        out[name] = _Spot(
            label, state.doc, _OUT if state.tally else _PLACE, last if state.tally else column.get(name, 1)
        )
    return out


def _arranged(spots: dict[str, _Spot], arrows: list[tuple[_Spot, _Spot, str, float]]) -> int:
    """Give each spot its row, near those it is linked with so that few ways cross; the number of rows."""
    columns: dict[int, list[_Spot]] = {}
    for spot in spots.values():
        columns.setdefault(spot.column, []).append(spot)
    rows = max(len(column) for column in columns.values())
    for sweep in range(_SWEEPS):
        for column in columns.values():
            if sweep:
                column.sort(key=functools.partial(_nearness, arrows))
            for i, spot in enumerate(column):
                spot.row = (i + 0.5) * rows / len(column) - 0.5
    return rows


def _nearness(arrows: list[tuple[_Spot, _Spot, str, float]], spot: _Spot) -> float:
    near = [b.row if a is spot else a.row for a, b, *_ in arrows if spot in (a, b)]
    return sum(near) / max(len(near), 1)


def _drawn(
    spots: dict[str, _Spot], arrows: list[tuple[_Spot, _Spot, str, float]], width: float, height: float
) -> Iterator[str]:
    yield (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' {_FONT} role='img'>"
        f"<title>{escape(TITLE)}</title><rect width='100%' height='100%' fill='#ffffff'/><defs>"
    )
    for colour in (_ENTRY, _PLACE, _OUT):
        yield (
            f"<marker id='to-{colour[1:]}' viewBox='0 0 8 8' refX='7.4' refY='4' markerWidth='8' markerHeight='8' "
            f"markerUnits='userSpaceOnUse' orient='auto'><path d='M0,0.6 L8,4 L0,7.4 z' fill='{colour}'/></marker>"
        )
    yield f"</defs><text x='{_MARGIN}' y='34' font-size='19' font-weight='600' fill='#222222'>{escape(TITLE)}</text>"
    for x, colour, words in ((_MARGIN, _ENTRY, "ways in"), (130, _PLACE, "alive in"), (236, _OUT, "counted as")):
        yield f"<rect x='{x}' y='50' width='13' height='13' rx='2' fill='{colour}'/>"
        yield f"<text x='{x + 19}' y='61' font-size='14' fill='#333333'>{words}</text>"
    for source, target, rate, weight in arrows:
        yield _arrow(source, target, rate, weight)
    for spot in spots.values():
        lines = _halved(spot.label)
        yield (
            f"<g><title>{escape(spot.doc or spot.label)}</title><rect x='{spot.x:.0f}' y='{spot.y:.1f}' "
            f"width='{_WIDTH}' height='{_HEIGHT}' rx='7' fill='{spot.colour}'/>"
        )
        for i, line in enumerate(lines):
            y = spot.y + _HEIGHT / 2 + 5 + 17 * (i - (len(lines) - 1) / 2)
            yield (
                f"<text x='{spot.x + _WIDTH / 2:.0f}' y='{y:.1f}' font-size='14' fill='#ffffff' "
                f"text-anchor='middle'>{escape(line)}</text>"
            )
        yield "</g>"
    yield "</svg>"


def _halved(label: str, most: int = 22) -> list[str]:
    import textwrap

    return textwrap.wrap(label, most)[:2]


def _arrow(source: _Spot, target: _Spot, rate: str, weight: float) -> str:
    y1, y2 = source.y + _HEIGHT / 2, target.y + _HEIGHT / 2
    if source.column < target.column:  # rightwards, above the middle
        x1, x2, y1, y2 = source.x + _WIDTH, target.x - 1, y1 - 6, y2 - 6
        reach = 0.5 * _GAP
    elif source.column > target.column:  # back, below the middle
        x1, x2, y1, y2 = source.x, target.x + _WIDTH + 1, y1 + 8, y2 + 8
        reach = -0.5 * _GAP
    else:
        x1, x2 = source.x + _WIDTH, target.x + _WIDTH + 1
        path = f"M{x1:.0f},{y1:.1f} C{x1 + 34:.0f},{y1:.1f} {x2 + 34:.0f},{y2:.1f} {x2:.0f},{y2:.1f}"
        return _path(path, source, target, rate, weight)
    path = f"M{x1:.0f},{y1:.1f} C{x1 + reach:.1f},{y1:.1f} {x2 - reach:.1f},{y2:.1f} {x2:.0f},{y2:.1f}"
    return _path(path, source, target, rate, weight)


def _path(path: str, source: _Spot, target: _Spot, rate: str, weight: float) -> str:
    tip = f"{source.label} to {target.label}{f': {rate}' if rate else ''}"
    colour = _OUT if target.colour == _OUT else source.colour
    dashed = " stroke-dasharray='4 3'" if target.colour == _OUT else ""
    return (
        f"<path d='{path}' fill='none' stroke='{colour}' stroke-width='{weight}' stroke-opacity='0.75'{dashed} "
        f"marker-end='url(#to-{colour[1:]})'><title>{escape(tip)}</title></path>"
    )
