"""How long does it last? Five years without further treatment: time to relapse, and who is in remission."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from homing.answers.case import Case, endpoint_name, label_of, name_of, observed_outcome
from homing.answers.content import Block, Chapter, Estimate, Finding, Lines, Message, Panel, Series, Table, Text
from homing.answers.spans import Span, over_all
from homing.evidence.records import Outcome
from homing.ground.calendar import DAYS_PER_WEEK, DAYS_PER_YEAR
from homing.ground.proportions import exact_interval
from homing.patients.scenario import scenario
from homing.protocol.course import Protocol
from homing.study.simulator import Simulated

YEARS = 5
#: How often the patient is looked at after the primary visit.
EVERY = 28.0
#: Outcomes of trials that tell how long an effect lasts, beside the study's own endpoint.
LASTING = ("treatment-free", "sustained-remission")


@dataclass(frozen=True)
class Lasting:
    """One arm over five years under a scenario: when each responder, by number in `ids`, relapsed (years after the
    primary visit; inf where not)."""

    scenario: str
    label: Text
    patients: int
    ids: NDArray[np.int64]
    relapse: NDArray[np.float64]
    years: NDArray[np.float64]
    remission: tuple[Estimate, ...]

    @property
    def responders(self) -> int:
        """How many met the endpoint at the primary visit."""
        return len(self.ids)


def answer(case: Case) -> Chapter:
    """Time to relapse of those who respond, share in remission of all, and what trials saw later."""
    grid = np.unique([*case.weeks(), *np.arange(case.primary_day, YEARS * DAYS_PER_YEAR + 1, EVERY)])
    found = {
        (key, arm): _lasting(case, protocol, key, grid)
        for key in case.study.scenarios
        for arm, protocol in (("candidate", case.candidate), ("control", case.control))
    }
    blocks = [
        _relapse(case, found),
        _relapse_figure(case, found),
        _relapse_table(case, found),
        _remission(case, found),
        _remission_figure(case, found),
        *_observed(case, found),
        _events(case),
    ]
    return Chapter(6, "how_long", blocks, Message("q6.certainty"), exploratory=True)


def _lasting(case: Case, protocol: Protocol, key: str, grid: NDArray[np.float64]) -> Lasting:
    run = case.simulate(protocol, key, times=grid)
    met = run.course_of(case.study.primary.key)
    after = run.times >= case.primary_day
    responded = met[:, run.at(case.primary_day)] == 1
    gone = _relapsed(case, run, met)[:, after]
    years = (run.times[after] - case.primary_day) / DAYS_PER_YEAR
    first = np.where(gone.any(axis=1), years[gone.argmax(axis=1)], np.inf)
    return Lasting(
        scenario=key,
        label=label_of(protocol),
        patients=int((~np.isnan(met[:, -1])).sum()),
        ids=case.cohort.ids[responded],
        relapse=first[responded],
        years=run.times / DAYS_PER_YEAR,
        remission=tuple(case.share(column, key) for column in met.T),
    )


def _relapsed(case: Case, run: Simulated, met: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(patient, time) relapse: a tract that no longer meets the endpoint; a gut that is inflamed again."""
    if case.has_fistula:
        return met == 0
    return run.course_of("active-inflammation") == 1


def _events(case: Case) -> Message:
    """The random events from which relapses come, with their rate under the central scenario: reopenings of the tract
    where there is one, as relapse is then its opening; else challenges of the gut."""
    who = case.simulator.population
    tract = who.tract_flares if case.has_fistula else None
    rate, name = (who.flares.rate, "flares.rate") if tract is None else (tract.rate, "tract_flares.rate")
    chosen = case.scenario()
    factor = chosen.multiply.get(name)
    told = Estimate(rate.number * (1.0 if factor is None else factor.number), spread="none")
    if chosen.draws is not None and name in chosen.draws.multiplied:
        low, high = (rate.number * x for x in chosen.draws.central(chosen.draws.multiplied[name].key))
        told = replace(told, low=low, high=high, spread="posterior")
    basis = rate.basis if factor is None else factor.basis
    key = "q6.flares" if tract is None else "q6.reopenings"
    return Message(key, {"rate": told, "basis": Message(f"basis.{basis}"), "scenario": name_of(chosen.name)})


def _free(case: Case, lasting: Lasting, years: float) -> Estimate:
    """Share of responders without relapse so many years after the primary visit, with its interval as `Case.share`."""
    return case.share((lasting.relapse > years).astype(float), lasting.scenario, lasting.ids)


def _median(lasting: Lasting) -> Estimate:
    if not lasting.responders:
        return Estimate(float("nan"), spread="none")
    return Estimate(float(np.quantile(lasting.relapse, 0.5, method="inverted_cdf")), unit="", spread="none")


def _seen(case: Case) -> float:
    """Years that can be followed after the primary visit."""
    return YEARS - case.primary_day / DAYS_PER_YEAR


def _relapse(case: Case, found: dict[tuple[str, str], Lasting]) -> Block:
    ours, theirs = found[case.central, "candidate"], found[case.central, "control"]
    values = {
        "candidate": ours.label,
        "control": theirs.label,
        "ours": ours.responders,
        "theirs": theirs.responders,
        "one": _free(case, ours, 1),
        "last": _free(case, ours, _seen(case) - 0.1),
        "one_control": _free(case, theirs, 1),
        "years": Estimate(_seen(case) - 0.1, spread="none"),
        "endpoint": endpoint_name(case.study.primary.key),
        "scenario": name_of(case.scenario().name),
    }
    if not ours.responders:
        return Message("q6.nobody", values)
    key = "q6.relapse" if theirs.responders else "q6.relapse-alone"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _steps(lasting: Lasting, last: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Kaplan-Meier curve; nobody is lost before the end, so it is the share without relapse."""
    times = np.unique(lasting.relapse[np.isfinite(lasting.relapse)])
    x = np.concatenate([[0.0], times, [last]])
    return x, np.array([(lasting.relapse > t).mean() for t in x])


def _relapse_figure(case: Case, found: dict[tuple[str, str], Lasting]) -> Lines:
    panels = []
    for key in case.study.scenarios:
        series = []
        for colour, arm in enumerate(("candidate", "control")):
            lasting = found[key, arm]
            if lasting.responders:
                x, y = _steps(lasting, _seen(case))
                ends = [exact_interval(round(share * lasting.responders), lasting.responders) for share in y]
                low, high = (np.array(e) for e in zip(*ends, strict=True))
                series.append(Series(lasting.label, x, y, low, high, style="step", colour=colour))
        title = name_of(scenario(key).name)
        axes = (Message("q6.years-after"), Message("q6.free"))
        panels.append(Panel(title, series, *axes, y_range=(0.0, 1.0), percent=True))
    return Lines(Message("q6.relapse-figure"), panels, Message("q6.relapse-note"))


def _relapse_table(case: Case, found: dict[tuple[str, str], Lasting]) -> Table:
    rows = []
    marks = [y for y in (1.0, 2.0, 3.0, 4.0) if y < _seen(case)]
    for (key, _), lasting in found.items():
        of = Message("q6.of", {"responders": lasting.responders, "patients": lasting.patients})
        row: list[object] = [name_of(scenario(key).name), lasting.label, of, _median(lasting)]
        rows.append([*row, *(_free(case, lasting, y) for y in marks)])
    heads: list[Text] = [Message("head.scenario"), Message("head.arm"), Message("q6.responders"), Message("q6.median")]
    columns = [*heads, *(Message("q6.free-at", {"years": int(y)}) for y in marks)]
    return Table(Message("q6.table"), columns, rows, Message("q6.table-note", {"years": Estimate(_seen(case))}))


def _remission(case: Case, found: dict[tuple[str, str], Lasting]) -> Finding:
    ours, theirs = (found[case.central, arm] for arm in ("candidate", "control"))
    values = {
        "candidate": label_of(case.candidate),
        "control": label_of(case.control),
        "endpoint": endpoint_name(case.study.primary.key),
        "ours": ours.remission[-1],
        "theirs": theirs.remission[-1],
        "n": ours.patients,
        "scenario": name_of(case.scenario().name),
    }
    key = "q6.remission-drug" if case.candidate.drugs or case.control.drugs else "q6.remission"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _remission_figure(case: Case, found: dict[tuple[str, str], Lasting]) -> Lines:
    panels = []
    spans: list[Span] = []
    for colour, arm in enumerate(("candidate", "control")):
        central = found[case.central, arm]
        middle = np.array([e.value for e in central.remission])
        at = range(len(middle))
        band = [case.span({key: found[key, arm].remission[i] for key in case.study.scenarios}) for i in at]
        low, high = np.array([span.low for span in band]), np.array([span.high for span in band])
        spans += band
        series = [Series(central.label, central.years, middle, low, high, colour=colour)]
        axes = (Message("head.time-years"), Message("q2.share"))
        panels.append(Panel(central.label, series, *axes, y_range=(0.0, 1.0), percent=True))
    values = {
        "scenario": name_of(case.scenario().name),
        "endpoint": endpoint_name(case.study.primary.key),
        "over": over_all(spans),
    }
    return Lines(Message("q6.remission-figure", values), panels, Message("q6.remission-note", values))


def _observed(case: Case, found: dict[tuple[str, str], Lasting]) -> Iterator[Block]:
    """What the study's trials reported later than the primary visit, beside the model at that time."""
    told = 0
    for key in case.study.trials:
        trial = case.store.trial(key)
        for outcome in case.store.outcomes(key):
            later = outcome.week * DAYS_PER_WEEK > case.primary_day + 1
            mine = outcome.endpoint in (case.study.primary.key, "clinical-remission-fistula", *LASTING)
            shown = outcome.events is not None or outcome.share is not None
            if not mine or not shown or not (later or (outcome.endpoint in LASTING and outcome.week > 0)):
                continue
            told += 1
            span = _simulated(case, found, outcome, trial.arms[outcome.arm].role)
            values = {
                "trial": trial.name,
                "arm": name_of(trial.arms[outcome.arm].label),
                "endpoint": name_of(case.store.outcome_terms[outcome.endpoint]),
                "week": outcome.week,
                "share": observed_outcome(outcome),
                "n": outcome.n,
                "low": Estimate(span.low, kind="percent", spread="none"),
                "high": Estimate(span.high, kind="percent", spread="none"),
                "over": span.words,
            }
            yield Finding(Message("q6.observed", values), "measured", [outcome.source, "run"])
    if not told:
        yield Message("q6.none-observed")


def _simulated(case: Case, found: dict[tuple[str, str], Lasting], outcome: Outcome, role: str) -> Span:
    """The span of the same by the model: of responders without relapse, or of all who meet the endpoint."""
    arm = "control" if role == "control" else "candidate"
    years = outcome.week * DAYS_PER_WEEK / DAYS_PER_YEAR
    runs = {key: found[key, arm] for key in case.study.scenarios}
    if outcome.endpoint == "sustained-remission":
        after = years - case.primary_day / DAYS_PER_YEAR
        return case.span({key: _free(case, run, after) for key, run in runs.items()})
    nearest = {key: run.remission[int(np.argmin(np.abs(run.years - years)))] for key, run in runs.items()}
    return case.span(nearest)
