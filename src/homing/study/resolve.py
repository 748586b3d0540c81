"""Resolve a study file: names become entries of the catalogue, defaults become explicit, contradictions are refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from homing.ground.errors import HomingError, StudyError
from homing.ground.keys import draw_seed
from homing.ground.nearest import did_you_mean
from homing.patients.drug_kinetics import inert_effects
from homing.protocol.outside import refusal_of
from homing.study import known
from homing.study.arms import Own, plan_arms
from homing.study.carriers import carrier_text, check_carriers, own_carriers
from homing.study.company import notes_on_company
from homing.study.consistency import check_consistency
from homing.study.context import check_context
from homing.study.crossing import cross_arms
from homing.study.explicit import changes_since, explain
from homing.study.faults import Faults
from homing.study.fitting import check_fitting
from homing.study.like import table_of_study
from homing.study.plan import Comparing, Deviation, Endpoint, Note, Relied, Study, TrialDesign
from homing.study.products import own_products
from homing.study.read import StudyFile, read_study_file
from homing.study.scalars import check_language, check_patients, check_seed
from homing.study.schema import DEFAULT_MATTERS, StudyContent
from homing.study.wording import day_text, share_text

T = TypeVar("T")

#: The comparator of chapter 1 where a study names none: the first anti-TNF antibody, still the usual biologic.
DEFAULT_COMPARATOR = "infliximab"


def read_study(
    path: Path | str, *, patients: int | None = None, seed: int | None = None, language: str | None = None
) -> Study:
    """Read and resolve a study file. See `read_study_file` and `resolve`.

    Example:
        >>> read_study("examples/admire-cd.yaml", patients=200).candidate  # doctest: +SKIP
        'darvadstrocel'
    """
    return resolve(read_study_file(path), patients=patients, seed=seed, language=language)


def resolve(
    file: StudyFile, *, patients: int | None = None, seed: int | None = None, language: str | None = None
) -> Study:
    """The study that a file describes, with every default made explicit.

    Arguments: `patients` (virtual patients in each arm), `seed` and `language` ('en', 'zh') stand in for the file's.
    Raises: StudyError that lists every name that is unknown and everything that doesn't go together.
    """
    content, faults = file.content, Faults(file.text)
    check_consistency(content, faults)
    carriers = own_carriers(content.carriers, content.products, faults)
    own: Own = {**own_products(content.products, faults), **carriers}
    arms = plan_arms(content.arms, own, faults)
    crossed = cross_arms(content, arms, own, faults)
    check_carriers(arms, faults)
    _check_names(content, faults)
    check_fitting(content, arms, faults)
    like = table_of_study(content, faults)
    limits = check_context(content, faults)
    faults.refuse()
    cohort = _checked(check_patients, patients, content.patients, "--patients")
    words = _checked(check_language, language, content.report.language, "--lang")
    drawn = seed is None and content.seed is None
    number = draw_seed() if drawn else _checked(check_seed, seed, content.seed or 0, "--seed")
    study = Study(
        file=file.text.file,
        title=content.study,
        question=content.question,
        arms={**arms, **crossed.arms},
        candidate=content.candidate,
        control=content.control,
        population=content.population,
        patients=cohort,
        seed=number,
        scenarios=content.scenarios,
        visits=content.visits if content.visits[0] == 0 else (0.0, *content.visits),
        primary=Endpoint(content.primary.endpoint, content.primary.at),
        secondary=content.secondary,
        trials=content.observed,
        evidence=content.evidence or "",
        design=TrialDesign(content.trial.patients_per_arm, content.trial.alpha, content.trial.dropout),
        alternatives=content.alternatives,
        comparator=content.comparator or DEFAULT_COMPARATOR,
        language=words,
        seed_drawn=drawn,
        like=like,
        eligibility=content.eligibility,
        limits=limits,
        comparing=_comparing(content),
        relied=_relied(content),
    )
    texts = {name: carrier_text(part, carriers[name]) for name, part in content.carriers.items()}
    explicit = explain(study, content.products, texts)
    notes = (*_choices(file, study), *crossed.notes, *changes_since(content.resolved, explicit))
    return replace(study, explicit=explicit, notes=notes)


def _comparing(content: StudyContent) -> Comparing | None:
    part = content.compare
    return None if part is None else Comparing(part.matters, dict(part.exchange))


def _relied(content: StudyContent) -> Relied | None:
    part = content.credibility
    if part is None:
        return None
    matters = content.compare.matters if content.compare is not None else DEFAULT_MATTERS
    return Relied(
        part.question,
        part.influence,
        part.consequence,
        part.because,
        part.impact or "",
        matters if part.matters is None else part.matters,
        tuple(Deviation(d.on, d.what, d.why) for d in part.deviations),
    )


def _checked(check: Callable[[T], T], given: T | None, otherwise: T, option: str) -> T:
    """An option of the command line if it is given, else the file's value."""
    if given is None:
        return otherwise
    try:
        return check(given)
    except HomingError as e:
        raise StudyError(e.message, option) from None


def _check_names(content: StudyContent, faults: Faults) -> None:
    known.check("populations", content.population, ("population",), faults)
    if known.check("endpoints", content.primary.endpoint, ("primary", "endpoint"), faults):
        _check_primary(content.primary.endpoint, faults)
    for i, name in enumerate(content.scenarios):
        known.check("scenarios", name, ("scenarios", i), faults)
    for i, name in enumerate(content.secondary):
        known.check("endpoints", name, ("secondary", i), faults)
    for i, name in enumerate(content.observed):
        known.check("trials", name, ("observed", i), faults)
    if content.evidence is not None:
        known.check("evidence", content.evidence, ("evidence",), faults)
    for i, name in enumerate(content.alternatives):
        _check_alternative(content, name, i, faults)
    if content.comparator is not None:
        if content.comparator in known.names("products"):
            faults.add(
                ("comparator",), f"'{content.comparator}' is a product of cells; name a drug, such as infliximab."
            )
        elif refusal_of(content.comparator):
            faults.add(("comparator",), refusal_of(content.comparator))
        else:
            known.check("drugs", content.comparator, ("comparator",), faults)


def _check_primary(name: str, faults: Faults) -> None:
    """The trial's size and power are those of a share of patients, so the primary endpoint is met or not."""
    if known.is_reading(name):
        met = [key for key in known.names("endpoints") if not known.is_reading(key)]
        faults.add(
            ("primary", "endpoint"),
            f"'{name}' is a reading, and the primary endpoint is one that a patient meets or not: {', '.join(met)}. "
            f"Name '{name}' under `secondary`.",
        )


def _check_alternative(content: StudyContent, name: str, i: int, faults: Faults) -> None:
    path = ("alternatives", i)
    if name in known.names("drugs"):
        faults.add(path, f"'{name}' is a drug; name it under `comparator`. Alternatives are products of cells.")
    elif name not in known.names("products"):
        faults.add(path, f"there is no product '{name}'. {did_you_mean(name, known.names('products'))}")


def _inert(study: Study) -> Iterator[Note]:
    """The published covariates of the drugs given that no simulated patient has."""
    drugs = {drug.key: drug for arm in study.arms.values() for drug in arm.drugs}
    for key, drug in drugs.items():
        names = dict.fromkeys(effect.covariate.replace("_", " ") for effect in inert_effects(drug))
        if names:
            yield Note(
                f"The kinetics of {key} don't differ with {', '.join(names)}, as published: simulated patients don't "
                f"have it, and it stands at its reference.",
                f"{key}的药代动力学未按已发表的协变量（{'、'.join(names)}）区分：虚拟患者无此协变量，取参考值。",
            )


def _choices(file: StudyFile, study: Study) -> list[Note]:
    """What was chosen for the user, as sentences."""
    content, written = file.content, file.text.tree
    notes = []
    if study.seed_drawn:
        notes.append(
            Note(
                f"No seed is given: {study.seed} was drawn. Write 'seed: {study.seed}' to get the same result again.",
                f"未指定种子，已抽取{study.seed}。写入 'seed: {study.seed}' 可重现同一结果。",
            )
        )
    if "patients" not in written:
        notes.append(
            Note(
                f"The number of virtual patients is not given: {study.patients} in each arm.",
                f"未指定虚拟患者数：每组{study.patients}例。",
            )
        )
    if "scenarios" not in written:
        named = ", ".join(study.scenarios)
        notes.append(Note(f"Scenarios are not named: {named}.", f"未指定情景：{named}。"))
    if study.visits != content.visits:
        notes.append(
            Note(
                f"{day_text(0)} was added to the visits: endpoints are compared with the start.",
                f"访视中已加入{day_text(0)}：终点需与起始比较。",
            )
        )
    notes += _inert(study)
    design = study.design
    chosen = {
        "patients per arm": str(design.patients_per_arm),
        "alpha": f"{design.alpha:g} (two-sided)",
        "dropout": share_text(design.dropout),
    }
    missing = [f"{key} {text}" for key, text in chosen.items() if key not in (written.get("trial") or {})]
    if missing:
        chosen_text = ", ".join(missing)
        notes.append(
            Note(
                f"Not given for the real trial and so chosen: {chosen_text}.", f"真实试验未指定而采用：{chosen_text}。"
            )
        )
    if content.comparator is None:
        notes.append(Note(f"No comparator is named: {study.comparator}.", f"未指定比较药物：{study.comparator}。"))
    notes += notes_on_company(study.arms)
    notes += _unused(content)
    for name, part in content.products.items():
        if part.lot is not None and part.lot.out_of_specification:
            notes.append(
                Note(
                    f"Lot {part.lot.id} of '{name}' is accepted out of specification.",
                    f"'{name}'的批次{part.lot.id}不符合放行标准，按说明接受。",
                )
            )
    return notes


def _unused(content: StudyContent) -> list[Note]:
    given = {course.give for arm in content.arms.values() for course in (*arm.courses, *arm.rules)}
    if content.compare is not None and content.compare.cross is not None:
        given |= set(content.compare.cross.give)
    return [
        Note(f"The product '{name}' is described and given in no arm.", f"产品'{name}'已描述但未在任何组给予。")
        for name in content.products
        if name not in given
    ]
