"""Crossing: products by routes, carriers and doses, each combination that can be given as an arm of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from homing.ground.text_yaml import Path_
from homing.protocol.course import Protocol
from homing.protocol.product import Carrier, Product
from homing.study import known
from homing.study.arms import DRUG_ROUTE, Own, OwnProduct, plan_arms
from homing.study.carriers import check_carriers
from homing.study.consistency import check_arm
from homing.study.faults import Faults
from homing.study.fitting import check_local
from homing.study.plan import Note
from homing.study.scalars import Amount
from homing.study.schema import MOST_ARMS, ArmPart, CoursePart, CrossPart, InLanguages, StudyContent
from homing.study.wording import amount_text

PATH: Path_ = ("compare", "cross")


@dataclass(frozen=True)
class Crossed:
    """The arms that a crossing adds, and what of it can't be given, as sentences."""

    arms: Mapping[str, Protocol] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()


def cross_arms(content: StudyContent, written: Mapping[str, Protocol], own: Own, faults: Faults) -> Crossed:
    """The arms of `compare: cross:`. What can't be given is told, not refused; unknown names are."""
    cross = None if content.compare is None else content.compare.cross
    if cross is None or not _check_names(cross, own, faults):
        return Crossed()
    parts: dict[str, ArmPart] = {}
    missing: list[str] = []
    for give, route, carrier, dose in itertools.product(cross.give, cross.route, cross.carrier or (None,), cross.dose):
        name = _unlike(_name(cross, give, route, carrier, dose), parts)
        if _can_be_given(content, give, route, carrier, own):
            course = CoursePart.model_construct(
                give=give, route=route, carrier=carrier, dose=dose, cap=None, at=cross.at
            )
            parts[name] = ArmPart.model_construct(
                label=_label(give, route, carrier, dose, own),
                untreated=False,
                procedures=cross.procedures,
                courses=(course,),
                rules=(),
            )
        else:
            missing.append(name)
    _check_count(parts, written, faults)
    local = _Local(faults)
    for arm in parts.values():
        check_arm(arm, PATH, content.visits, local)
        check_local(arm, PATH, content.population, local)
    planned = plan_arms(parts, own, local)
    check_carriers(planned, local)
    return Crossed(planned, tuple(_told(missing)))


class _Local(Faults):
    """Faults of crossed arms, which all stand at the crossing: an arm's own path is none of the file."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(faults.text, faults.found)

    def add(self, path: Path_, message: str) -> None:
        """Note a fault at the key of the crossing that it bears on."""
        names = {"give", "route", "carrier", "dose", "at", "procedures", "do"}
        last = next((part for part in reversed(path) if part in names), None)
        super().add((*PATH, "procedures" if last == "do" else last) if last else PATH, message)


def _check_names(cross: CrossPart, own: Own, faults: Faults) -> bool:
    before = len(faults.found)
    for i, name in enumerate(cross.give):
        mine = isinstance(own.get(name), OwnProduct)
        if not mine:
            known.check("products", name, (*PATH, "give", i), faults)
        if (mine or name in known.names("products")) and _product(name, own).kind == "hsc":
            says = "needs conditioning before it; write it as an arm of its own, with its procedure."
            faults.add((*PATH, "give", i), f"'{name}' {says}")
    for i, name in enumerate(cross.route):
        known.check("routes", name, (*PATH, "route", i), faults)
    for i, name in enumerate(cross.carrier):
        if not isinstance(own.get(name), Carrier):
            known.check("carriers", name, (*PATH, "carrier", i), faults)
    return len(faults.found) == before


def _can_be_given(content: StudyContent, give: str, route: str, carrier: str | None, own: Own) -> bool:
    product = _product(give, own)
    if route not in product.routes or route.startswith(DRUG_ROUTE):
        return False
    if carrier is not None and route not in _carrier(carrier, own).routes:
        return False
    if known.load("routes", route).site != "fistula" or content.population not in known.names("populations"):
        return True
    return any(state.startswith("tract.") for state in known.load("populations", content.population).at_start)


def _plain_amount(dose: Amount) -> str:
    """'120e6', '1e6 per kg': a dose as a part of an arm's name."""
    return amount_text(dose).replace("cells/kg", "per kg").replace("cells", "").replace("%", "percent").strip()


def _name(cross: CrossPart, give: str, route: str, carrier: str | None, dose: Amount) -> str:
    parts = [give]
    parts += [route] if len(cross.route) > 1 else []
    parts += [carrier] if carrier and len(cross.carrier) > 1 else []
    parts += [_plain_amount(dose)] if len(cross.dose) > 1 else []
    return " ".join([*parts, "crossed"] if len(parts) == 1 else parts)[:60].strip()


def _unlike(name: str, others: Mapping[str, object]) -> str:
    """A name of its own: what is cut to the length of a name may be another's."""
    found, k = name, 2
    while found in others:
        found, k = f"{name[:56]} {k}", k + 1
    return found


def _product(name: str, own: Own) -> Product:
    mine = own.get(name)
    found: Product = mine.product if isinstance(mine, OwnProduct) else known.load("products", name)
    return found


def _carrier(name: str, own: Own) -> Carrier:
    mine = own.get(name)
    found: Carrier = mine if isinstance(mine, Carrier) else known.load("carriers", name)
    return found


def _label(give: str, route: str, carrier: str | None, dose: Amount, own: Own) -> InLanguages:
    named = [_product(give, own).name, known.load("routes", route).name]
    named += [_carrier(carrier, own).name] if carrier and carrier != "suspension" else []
    en = ", ".join([*(n["en"] for n in named), amount_text(dose)])
    zh = "，".join([*(n.get("zh", n["en"]) for n in named), amount_text(dose).replace("cells", "细胞")])
    return InLanguages.model_construct(en=en, zh=zh)


def _check_count(parts: Mapping[str, ArmPart], written: Mapping[str, Protocol], faults: Faults) -> None:
    if not parts:
        faults.add(PATH, "none of these combinations can be given. See 'homing catalog show products NAME' for routes.")
    if len(parts) + len(written) > MOST_ARMS:
        many = len(parts) + len(written)
        faults.add(PATH, f"{many} arms in all; {MOST_ARMS} is the most. Leave some of the crossing out.")
    for name in parts:
        if name in written:
            faults.add(PATH, f"gives the arm '{name}', which stands under `arms` too. Rename that one.")


def _told(missing: list[str]) -> Iterator[Note]:
    if missing:
        listed = ", ".join(missing)
        yield Note(f"Can't be given and so left out of the crossing: {listed}.", f"无法给药，未纳入组合：{listed}。")
