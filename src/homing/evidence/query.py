"""Rows over all trials: what arms of one kind reported on one endpoint."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from homing.evidence.records import AdverseEvent, Arm, Outcome, Trial, weeks
from homing.evidence.store import Store
from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean

ROLES = ("candidate", "control", "other")


def result_rows(
    store: Store,
    endpoint: str | None = None,
    treatment: str | None = None,
    disease: str | None = None,
    role: str | None = None,
    since: int | None = None,
    until: int | None = None,
    blinded: bool = False,
) -> list[dict[str, str]]:
    """Outcomes and adverse events of the arms asked for, by year. Raises StudyError for a word that is not known."""
    _check("endpoint", endpoint, [*store.outcome_terms, *store.event_terms])
    rows = []
    for trial, arm in _arms(store, treatment, disease, role, since, until, blinded):
        for row in trial.rows:
            name = row.endpoint if isinstance(row, Outcome) else row.event
            if row.arm == arm.key and endpoint in (None, name):
                rows.append(_row(trial, arm, name, row))
    return rows


def _row(trial: Trial, arm: Arm, name: str, row: Outcome | AdverseEvent) -> dict[str, str]:
    of_outcome = isinstance(row, Outcome)
    return {
        "trial": trial.key,
        "year": trial.when,
        "arm": arm.label["en"],
        "treatment": arm.treatment,
        "what": name,
        "week": weeks(row.week),
        "result": row.result if isinstance(row, Outcome) else f"{row.events}/{row.n}",
        "analysis": row.analysis if isinstance(row, Outcome) else "",
        "used": "no" if of_outcome and row.contradicts else "yes",  # type: ignore[union-attr]
        "source": row.source,
    }


def kinetic_rows(
    store: Store,
    treatment: str | None = None,
    disease: str | None = None,
    role: str | None = None,
    since: int | None = None,
    until: int | None = None,
    blinded: bool = False,
) -> list[dict[str, str]]:
    """Readings of cells, their traces and antibodies, of the arms asked for. Raises as `result_rows`."""
    return [
        {
            "trial": trial.key,
            "arm": arm.label["en"],
            "what": k.what,
            "day": "-" if k.day != k.day else f"{k.day:g}",
            "n": str(k.n or ""),
            "printed": k.printed,
            "unit": k.unit,
            "source": k.source,
        }
        for trial, arm in _arms(store, treatment, disease, role, since, until, blinded)
        for k in trial.kinetics
        if k.arm == arm.key
    ]


def _arms(
    store: Store,
    treatment: str | None,
    disease: str | None,
    role: str | None,
    since: int | None,
    until: int | None,
    blinded: bool,
) -> Iterator[tuple[Trial, Arm]]:
    _check("treatment", treatment, store.treatment_terms)
    _check("disease", disease, {t.disease for t in store.trials.values()})
    _check("role", role, ROLES)
    for trial in sorted(store.trials.values(), key=lambda t: (t.year or 9999, t.key)):
        if disease not in (None, trial.disease) or (blinded and not trial.blinded):
            continue
        if (since and (trial.year or 0) < since) or (until and (trial.year or 9999) > until):
            continue
        for arm in trial.arms.values():
            if treatment in (None, arm.treatment) and role in (None, arm.role):
                yield trial, arm


def _check(option: str, given: str | None, known: Iterable[str]) -> None:
    names = list(known)
    if given is not None and given not in names:
        raise StudyError(f"'{given}' is not known. {did_you_mean(given, names)}", f"--{option}")


@dataclass(frozen=True)
class ControlArm:
    """A placebo arm's count of an endpoint, with the trial."""

    trial: Trial
    arm: Arm
    outcome: Outcome


def placebo_arms(store: Store, endpoint: str, first_week: float = 0, last_week: float = 1000) -> list[ControlArm]:
    """The counts of placebo arms on an endpoint, one for each set of patients: the latest visit within the weeks.

    Double-blind, randomised trials only; subgroups, contradicting reports and patients chosen by an earlier response
    (re-randomised responders) are left out. Raises StudyError for an unknown endpoint.
    """
    _check("endpoint", endpoint, store.outcome_terms)
    found: list[ControlArm] = []
    for trial, arm in _arms(store, "placebo", None, "control", None, None, True):
        if not trial.randomised:
            continue
        rows = [o for o in trial.outcomes if o.arm == arm.key and _usable(o, endpoint, first_week, last_week)]
        if not rows or any(_overlap(store, c, trial, arm) for c in found):
            continue
        plain = [o for o in rows if not o.differs] or rows
        found.append(ControlArm(trial, arm, max(plain, key=lambda o: (o.week, o.n or 0))))
    return found


def _overlap(store: Store, before: ControlArm, trial: Trial, arm: Arm) -> bool:
    """Whether a placebo arm's patients stand in one that is in already."""
    if before.trial.key == trial.key:
        return len(trial.once([before.arm.key, arm.key])) < 2
    return store.share_patients(before.trial.key, trial.key)


def _usable(o: Outcome, endpoint: str, first: float, last: float) -> bool:
    chosen = "responders to induction" in o.differs or "responders only" in o.differs
    counted = o.endpoint == endpoint and o.events is not None and bool(o.n)
    return counted and first <= o.week <= last and not (o.contradicts or o.is_subgroup or chosen)


@dataclass(frozen=True)
class NetworkArm:
    """One treatment of one study in a network: events of n, arms of one treatment added up."""

    study: str
    treatment: str
    events: int
    n: int


@dataclass(frozen=True)
class NetworkRows:
    """What a network is made of, and what was left out of it: a trial or 'trial, arm', with the reason."""

    arms: tuple[NetworkArm, ...]
    left_out: tuple[tuple[str, str], ...]


def network_arms(
    store: Store, disease: str, endpoint: str, first_week: float = 0, last_week: float = 1000
) -> NetworkRows:
    """Arms of a disease's randomised trials that report an endpoint within the weeks, at each trial's latest visit.

    Arms of one treatment (doses) are added up, each patient once; trials that share patients with one already in are
    left out, as are re-randomised responders. Raises StudyError for an unknown word, or where no trial has two
    treatments.
    """
    _check("endpoint", endpoint, store.outcome_terms)
    _check("disease", disease, {t.disease for t in store.trials.values()})
    found: list[NetworkArm] = []
    out: list[tuple[str, str]] = []
    inside: list[str] = []
    for trial in sorted(store.trials.values(), key=lambda t: (t.year or 9999, t.key)):
        within = [o for o in trial.outcomes if o.endpoint == endpoint and first_week <= o.week <= last_week]
        if trial.disease != disease or not within:
            continue
        again = next((key for key in inside if store.share_patients(key, trial.key)), "")
        if not trial.randomised or again:
            out.append((trial.key, f"its patients are in {again}" if again else "not randomised"))
            continue
        week, arms, why = _of_trial(trial, [o for o in within if _usable(o, endpoint, first_week, last_week)])
        out += [(f"{trial.key}, {arm}", reason) for arm, reason in why.items()]
        if not arms:
            out.append((trial.key, "no two treatments with counts at one visit"))
            continue
        found += arms
        inside.append(trial.key)
        used = {o.arm for o in within if o.week == week}
        out += [
            (f"{trial.key}, {arm}", f"no count at week {week:g}")
            for arm in dict.fromkeys(o.arm for o in within)
            if arm not in used and arm not in why
        ]
    if not found:
        raise StudyError(f"no randomised trial in {disease} reports '{endpoint}' in two arms within these weeks.")
    return NetworkRows(tuple(found), tuple(out))


def _of_trial(trial: Trial, rows: list[Outcome]) -> tuple[float, list[NetworkArm], dict[str, str]]:
    """The latest visit with two treatments, its arms, and the arms left out at it; no arm where there is none."""
    for week in sorted({o.week for o in rows}, reverse=True):
        here = [o for o in rows if o.week == week]
        why = {}
        for key in dict.fromkeys(o.arm for o in here):
            arm = trial.arms[key]
            if arm.role == "other" or not arm.treatment:
                why[key] = "neither what is tested nor its control" if arm.treatment else "its treatment has no word"
        once = trial.once(o.arm for o in here if o.arm not in why)
        for o in here:
            if o.arm not in why and o.arm not in once:
                why[o.arm] = "its patients are those of other arms"
        arms = _joined(trial, [o for o in here if o.arm in once])
        if len(arms) > 1:
            return week, arms, why
    return 0.0, [], {}


def _joined(trial: Trial, rows: list[Outcome]) -> list[NetworkArm]:
    first: dict[str, Outcome] = {}
    for o in sorted(rows, key=lambda o: (bool(o.differs), -(o.n or 0))):
        first.setdefault(o.arm, o)
    arms: dict[str, tuple[int, int]] = {}
    for key, o in first.items():
        treatment = trial.arms[key].treatment
        events, n = arms.get(treatment, (0, 0))
        arms[treatment] = (events + (o.events or 0), n + (o.n or 0))
    return [NetworkArm(trial.key, t, events, n) for t, (events, n) in arms.items()]
