"""The resolved study as plain data and as a file: everything that was written or chosen, and the values behind it.

The resolved file is a study file again. What stands under `resolved` is for the reader: Homing compares it with the
catalogue when the file is read and says what has changed since, but never takes a number from it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from homing.endpoints.definitions import endpoint
from homing.protocol.course import Course, Protocol, Rule
from homing.study.arms import DRUG_ROUTE
from homing.study.behind import values_behind
from homing.study.decision_text import Asked
from homing.study.plan import Note, Relied, Study
from homing.study.scalars import FORMAT, Amount
from homing.study.schema import ProductPart, label_of
from homing.study.wording import amount_text, day_text, plain, share_text

Plain = dict[str, object]
MOST_CHANGES = 5
#: A schedule of more doses than this is written as a repetition where it is one.
MOST_LISTED = 20


def to_yaml(study: Study) -> str:
    """The resolved study as YAML text, itself a valid study file."""
    import yaml

    return yaml.safe_dump(dict(study.explicit), allow_unicode=True, sort_keys=False, width=120)


def explain(study: Study, products: Mapping[str, ProductPart], carriers: Mapping[str, Plain] | None = None) -> Plain:
    """The resolved study as plain data, with the values and sources of all that it names under `resolved`.

    Arguments: `products` and `carriers` the user's own as the file describes them, the latter with their curves.
    """
    explicit: Plain = {"homing": FORMAT, "study": study.title}
    if study.question:
        explicit["question"] = study.question
    explicit |= {
        "population": study.population,
        **({"eligibility": list(study.eligibility)} if study.eligibility else {}),
        "patients": study.patients,
        **({"like": {"lines": [dict(line) for line in study.like.written]}} if study.like is not None else {}),
        "seed": study.seed,
        "scenarios": list(study.scenarios),
        "visits": [day_text(day) for day in study.visits],
        "arms": {name: _arm(protocol) for name, protocol in study.arms.items()},
        "candidate": study.candidate,
        "control": study.control,
        "primary": {"endpoint": study.primary.key, "at": day_text(study.primary.time)},
        "secondary": list(study.secondary),
        "observed": list(study.trials),
    }
    if study.evidence:
        explicit["evidence"] = study.evidence
    explicit |= {
        "trial": {
            "patients per arm": study.design.patients_per_arm,
            "alpha": plain(study.design.alpha),
            "dropout": share_text(study.design.dropout),
        },
        "alternatives": list(study.alternatives),
        "comparator": study.comparator,
        "report": {"language": study.language},
    }
    if study.comparing is not None:
        rates = {name: f"{plain(number)} {unit}" for name, (number, unit) in study.comparing.exchange.items()}
        told: Plain = {"matters": share_text(study.comparing.matters)}
        explicit["compare"] = told | ({"exchange": rates} if rates else {})
    if study.relied is not None:
        explicit["credibility"] = _relied(study.relied)
    if products:
        explicit["products"] = {name: _product(name, part) for name, part in products.items()}
    if carriers:
        explicit["carriers"] = dict(carriers)
    explicit["resolved"] = values_behind(study, products)
    return explicit


def _relied(relied: Relied) -> Plain:
    told: Plain = {
        "question": relied.question,
        "influence": relied.influence,
        "consequence": relied.consequence,
        "because": relied.because,
        **({"impact": relied.impact} if relied.impact else {}),
        "matters": share_text(relied.matters),
    }
    logged = [{"on": d.on, "what": d.what, "why": d.why} for d in relied.deviations]
    return told | ({"deviations": logged} if logged else {})


def _arm(protocol: Protocol) -> Plain:
    arm: Plain = {"label": dict(protocol.label)}
    if not protocol.procedures and not protocol.possible_courses:
        return arm | {"untreated": "yes"}
    if protocol.procedures:
        arm["procedures"] = [{"do": p.procedure.key, "at": day_text(p.time)} for p in protocol.procedures]
    if protocol.courses:
        arm["courses"] = [_course(course) for course in protocol.courses]
    if protocol.rules:
        arm["rules"] = [_rule(rule) for rule in protocol.rules]
    return arm


def _rule(rule: Rule) -> Plain:
    asked = []
    for t in rule.when:
        unit = endpoint(t.of).unit
        amount = f"{plain(t.number)}{'' if unit == '1' else f' {unit}'}" if t.how not in ("met", "not met") else ""
        asked.append(Asked(t.of, t.how, amount).text)
    return _course(rule.course) | {"when": asked, "most": rule.most}


def _course(course: Course) -> Plain:
    dose = course.dose
    written: Plain = {"give": course.name, "route": course.route.key.removeprefix(DRUG_ROUTE)}
    if course.carrier is not None:
        written["carrier"] = course.carrier.key
    written["dose"] = amount_text(Amount(dose.number, dose.of, dose.per_kg))
    if dose.cap is not None:
        written["cap"] = amount_text(Amount(dose.cap, dose.of))
    return written | {"at": _at(course.times)}


def _at(days: tuple[float, ...]) -> object:
    """Times as they are written: one, a list, or, where many are evenly spaced, from when, how often, how many."""
    steps = {later - earlier for earlier, later in itertools.pairwise(days)}
    if len(days) > MOST_LISTED and len(steps) == 1:
        every = steps.pop()
        return {"from": day_text(days[0]), "every": f"{plain(every)} days", "times": len(days)}
    times = [day_text(day) for day in days]
    return times[0] if len(times) == 1 else times


def _product(name: str, part: ProductPart) -> Plain:
    written: Plain = {"like": part.like, "name": label_of(part.name, name)}
    if part.lot is not None:
        lot: Plain = {"id": part.lot.id, "viability": share_text(part.lot.viability)}
        if part.lot.potency is not None:
            lot["potency"] = share_text(part.lot.potency)
        lot["source"] = part.lot.source
        if part.lot.out_of_specification:
            lot["out of specification"] = "accept"
        written["lot"] = lot
    return written


def changes_since(then: Mapping[str, object] | None, explicit: Mapping[str, object]) -> list[Note]:
    """What a resolved file says under `resolved` and the catalogue now says differently, as sentences."""
    if then is None:
        return []
    now = explicit["resolved"]
    differing = list(_differences(then, now, "resolved"))
    notes = [
        Note(
            f"{place} is '{before}' in the file and '{after}' in this catalogue, which is what is used.",
            f"{place}在文件中为'{before}'，在本目录中为'{after}'；采用后者。",
        )
        for place, before, after in differing[:MOST_CHANGES]
    ]
    if len(differing) > MOST_CHANGES:
        more = len(differing) - MOST_CHANGES
        notes.append(
            Note(
                f"{more} more values under `resolved` differ from this catalogue.",
                f"`resolved`下另有{more}个值与本目录不同。",
            )
        )
    return notes


def _differences(then: object, now: object, place: str) -> Iterable[tuple[str, str, str]]:
    if isinstance(then, Mapping) and isinstance(now, Mapping):
        for key in [*now, *(k for k in then if k not in now)]:
            yield from _differences(then.get(key), now.get(key), f"{place}.{key}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for i, (before, after) in enumerate(zip(then, now, strict=True)):
            yield from _differences(before, after, f"{place}[{i}]")
    elif then != now:
        yield place, _brief(then), _brief(now)


def _brief(value: object) -> str:
    text = "absent" if value is None else " ".join(str(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
