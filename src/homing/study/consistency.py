"""What must go together in a study file, whatever the catalogue holds: visits, arms, times, the primary endpoint."""

from __future__ import annotations

from collections.abc import Sequence

from homing.evidence.prices import CURRENCIES
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import Path_
from homing.study.faults import Faults
from homing.study.schema import ArmPart, CoursePart, RulePart, StudyContent, days_of
from homing.study.wording import amount_text, day_text


def check_consistency(content: StudyContent, faults: Faults) -> None:
    """Note every contradiction within the file."""
    _check_visits(content, faults)
    for key in ("scenarios", "secondary", "observed", "alternatives"):
        _check_twice(getattr(content, key), (key,), faults)
    _check_roles(content, faults)
    _check_exchange(content, faults)
    for name, arm in content.arms.items():
        check_arm(arm, ("arms", name), content.visits, faults)


def _check_visits(content: StudyContent, faults: Faults) -> None:
    visits = content.visits
    for i in range(1, len(visits)):
        if visits[i] == visits[i - 1]:
            faults.add(("visits", i), f"{day_text(visits[i])} stands twice. Leave one out.")
        elif visits[i] < visits[i - 1]:
            faults.add(
                ("visits", i),
                f"{day_text(visits[i])} comes after {day_text(visits[i - 1])}. Write the visits in order of time.",
            )
    if max(visits) == 0:
        faults.add(("visits",), "there is no visit after week 0. Add those at which patients are measured.")
    elif content.primary.at not in visits:
        known = ", ".join(day_text(day) for day in visits[:12])
        faults.add(("primary", "at"), f"{day_text(content.primary.at)} is none of the visits ({known}). Add it there.")
    elif content.primary.at == 0:
        faults.add(("primary", "at"), "the primary endpoint can't be read at week 0. Name a visit after treatment.")


def _check_twice(names: Sequence[str], path: Path_, faults: Faults) -> None:
    for i, name in enumerate(names):
        if name in names[:i]:
            faults.add((*path, i), f"'{name}' stands twice. Leave one out.")


def _check_roles(content: StudyContent, faults: Faults) -> None:
    for role in ("candidate", "control"):
        name = getattr(content, role)
        if name not in content.arms:
            faults.add((role,), f"there is no arm '{name}'. {did_you_mean(name, content.arms)}")
    if content.candidate == content.control:
        faults.add(("control",), f"is '{content.control}' like the candidate. Name two different arms.")


def _check_exchange(content: StudyContent, faults: Faults) -> None:
    """Rates of exchange are of currencies, and all into one."""
    rates = {} if content.compare is None else content.compare.exchange
    into = {currency for _, currency in rates.values()}
    for name, (_, currency) in rates.items():
        path: Path_ = ("compare", "exchange", name)
        if name not in CURRENCIES:
            faults.add(path, f"'{name}' is no currency known here. {did_you_mean(name, CURRENCIES)}")
        elif name == currency or len(into) > 1:
            faults.add(path, f"all rates are into one other currency, and these are into {', '.join(sorted(into))}.")


def check_arm(arm: ArmPart, path: Path_, visits: Sequence[float], faults: Faults) -> None:
    """Note every contradiction within one arm, at a key path."""
    given = bool(arm.procedures or arm.courses or arm.rules)
    if not given and not arm.untreated:
        faults.add(path, "is empty. Add `procedures` or `courses`, or write 'untreated: yes' for usual care alone.")
    if given and arm.untreated:
        faults.add((*path, "untreated"), "the arm has procedures or courses. Leave this key or those out.")
    for i, procedure in enumerate(arm.procedures):
        _check_times(days_of(procedure.at), (*path, "procedures", i, "at"), visits, faults)
    for i, course in enumerate(arm.courses):
        _check_times(days_of(course.at), (*path, "courses", i, "at"), visits, faults)
        _check_cap(course, (*path, "courses", i, "cap"), faults)
    for i, rule in enumerate(arm.rules):
        _check_decisions(rule, (*path, "rules", i), visits, faults)
        _check_cap(rule, (*path, "rules", i, "cap"), faults)


def _check_decisions(rule: RulePart, path: Path_, visits: Sequence[float], faults: Faults) -> None:
    """What is decided is decided at a visit after the start and before the last."""
    days = days_of(rule.at)
    _check_times(days, (*path, "at"), visits, faults)
    for day in days:
        if day not in visits or day <= 0 or day == max(visits):
            between = ", ".join(day_text(v) for v in visits if 0 < v < max(visits)) or "none; add one"
            faults.add(
                (*path, "at"),
                f"{day_text(day)} is no visit at which something can be decided (after week 0 and before the last: "
                f"{between}).",
            )
            return


def _check_times(days: Sequence[float], path: Path_, visits: Sequence[float], faults: Faults) -> None:
    last = max(visits)
    late = [day for day in days if day > last]
    if late:
        faults.add(
            path, f"{day_text(late[0])} is after the last visit, {day_text(last)}. Add a later visit or end here."
        )
    seen: set[float] = set()
    for day in days:
        if day in seen:
            faults.add(path, f"{day_text(day)} stands twice. For a larger dose, raise `dose`.")
            return
        seen.add(day)


def _check_cap(course: CoursePart, path: Path_, faults: Faults) -> None:
    cap, dose = course.cap, course.dose
    if cap is None:
        return
    if not dose.per_kg:
        faults.add(path, f"a cap goes with a dose by weight, and the dose is {amount_text(dose)}. Leave the cap out.")
    elif cap.per_kg or cap.of != dose.of:
        unit = "cells" if dose.of == "cell" else "mg"
        faults.add(path, f"a cap on {amount_text(dose)} is an amount per patient in {unit}, as '200e6 {unit}'.")
