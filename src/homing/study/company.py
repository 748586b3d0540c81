"""What can't be given beside what in one arm, and why: each refusal names both and the reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

from homing.evidence.profiles import read_profile
from homing.evidence.values import Value
from homing.ground.text_yaml import Path_
from homing.protocol import catalogue
from homing.protocol.course import Course, Protocol
from homing.protocol.instances import instances
from homing.protocol.product import Drug, Product
from homing.study.faults import Faults
from homing.study.plan import Note

#: What a drug blocks, by the parameter of its profile that says how much of it.
_TARGETS = {"drug.tnf_effect": "TNF", "drug.integrin_effect": "alpha4-beta7 integrin", "drug.p40_effect": "IL-12/23"}


def check_company(courses: Sequence[Course], path: Path_, faults: Faults) -> None:
    """Note why the last of an arm's courses doesn't go with one before it. Any number of products and drugs does."""
    *before, last = courses
    for other in before:
        reason = _against(last, other)
        if reason:
            faults.add(path, f"'{last.name}' beside '{other.name}' in one arm can't be simulated: {reason}")
            return


def _against(last: Course, other: Course) -> str:
    if isinstance(last.give, Drug) and isinstance(other.give, Drug):
        return _one_target(last.give, other.give)
    if isinstance(last.give, Product) and isinstance(other.give, Product):
        return _one_flora(last.give, other.give) or _two_carriers(last, other) or _two_values(last.give, other.give)
    return ""


def _one_target(last: Drug, other: Drug) -> str:
    """Blockades of one target compete, and the model adds them."""
    shared = [] if last.key == other.key else sorted(targets(last) & targets(other))
    if not shared:
        return ""
    return (
        f"both block {shared[0]}, and the model adds up what drugs block, which of one target would come to more than "
        f"all of it. Give one of the two, or each in an arm of its own."
    )


def targets(drug: Drug) -> frozenset[str]:
    """What a drug blocks."""
    values = read_profile(drug.profile).values
    return frozenset(word for name, word in _TARGETS.items() if name in values and values[name].number > 0)


def _one_flora(last: Product, other: Product) -> str:
    if last.kind != "bacteria" or other.kind != "bacteria" or last == other:
        return ""
    return "the model has one community of given bacteria and can't tell two apart. Give each in an arm of its own."


def _two_carriers(last: Course, other: Course) -> str:
    """One instance has one rate of release, which two carriers that hold its cells would share."""
    if last.give != other.give or last.carrier is None or other.carrier is None or last.carrier == other.carrier:
        return ""
    if not (last.carrier.deposits and other.carrier.deposits):
        return ""
    return (
        f"it comes in '{last.carrier.key}' and in '{other.carrier.key}', which release cells at their own rates. "
        f"Describe the second under `products`, as 'like: {last.give.key if last.give else last.name}', and give that."
    )


def _two_values(last: Product, other: Product) -> str:
    """An edit that changes the patient rather than the cells can have one value."""
    mine, theirs = ({k: v for k, v in p.overrides.items() if not k.startswith("product.")} for p in (last, other))
    name = _differ(mine, theirs)
    return "" if not name else f"both set '{name}' of the patient, each differently. Give each in an arm of its own."


def _differ(mine: Mapping[str, Value], theirs: Mapping[str, Value]) -> str:
    """A name that both have with different numbers; '' where there is none."""
    return next((k for k in mine if k in theirs and mine[k].number != theirs[k].number), "")


def notes_on_company(arms: Mapping[str, Protocol]) -> list[Note]:
    """What the reader should know: one immune response sees all products; a product lacks what its kind needs first."""
    notes: dict[object, Note] = {}
    for arm in arms.values():
        for product in arm.products:
            if not _is_prepared(product, arm):
                needed = ", ".join(product.prepare)
                notes[product.key, needed, arm.name] = Note(
                    f"'{product.key}' is given in '{arm.name}' without '{needed}' before it, which its trials had.",
                    f"组'{arm.name}'给予'{product.key}'前未行'{needed}'，而其试验中均有。",
                )
        for a, b in combinations([p for p in instances(arm).products if _is_foreign(p)], 2):
            notes[a.key, b.key] = Note(
                f"The model has one response against foreign cells: what '{a.key}' primes meets '{b.key}' too, and the "
                f"other way round, as if the donors were alike. Two donors' cells may fare better than that.",
                f"模型对外来细胞仅有一种免疫应答：'{a.key}'所致敏的应答同样作用于'{b.key}'，反之亦然，"
                f"如同供者相同；实际中不同供者的细胞可能受到的清除较轻。",
            )
    return list(notes.values())


def _is_prepared(product: Product, arm: Protocol) -> bool:
    """Whether an arm prepares for a product as for any of its kind, on or before the day of its first dose."""
    known = {key for other in catalogue.products() if other.kind == product.kind for key in other.prepare}
    first = min(course.times[0] for course in arm.possible_courses if course.give == product)
    return not product.prepare or any(p.procedure.key in known and p.time <= first for p in arm.procedures)


def _is_foreign(product: Product) -> bool:
    values = {**read_profile(product.profile).values, **product.overrides}
    return values["product.killable"].number > 0 and values["product.antigenicity"].number > 0
