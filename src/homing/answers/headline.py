"""The answer in brief: what the virtual patients showed on the primary endpoint, and what real trials showed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homing.answers.case import (
    Case,
    credible_difference,
    credible_share,
    endpoint_name,
    label_of,
    name_of,
    observed_outcome,
)
from homing.answers.content import Block, Estimate, Finding, Message, Table, Verbatim
from homing.answers.posterior import version_of
from homing.ground.calendar import DAYS_PER_WEEK
from homing.ground.proportions import unanimous_interval
from homing.patients.scenario import scenario
from homing.study.results import Sums

#: A trial's reading is set beside the primary endpoint when it was taken within so many weeks of it.
NEAR_WEEKS = 4.0


def share(cell: Sums) -> Estimate:
    """A simulated share with its interval over draws of the posterior; else, and where all patients have the same
    outcome, with its exact Monte Carlo interval."""
    told = cell.over_draws()
    if told is not None and not told.is_point:
        return credible_share(told)
    return Estimate(cell.mean, *cell.share_interval(), "percent", spread="monte-carlo")


def difference(cell: Sums) -> Estimate:
    """A simulated difference of shares in the same patients with its interval, as of `share`."""
    told = cell.over_draws()
    if told is not None and not told.is_point:
        return credible_difference(told)
    low, high = cell.interval()
    if low == high:
        low, high = unanimous_interval(cell.mean, cell.effective)
    return Estimate(cell.mean, low, high, "points", spread="monte-carlo")


def headline(case: Case) -> list[Block]:
    """The primary endpoint in candidate and control: one sentence, under the posterior where the study has it, else
    over the scenarios, and a table of each."""
    study, results = case.study, case.results
    effects = {key: results.difference(key).mean for key in study.scenarios}
    low, high = min(effects, key=effects.__getitem__), max(effects, key=effects.__getitem__)
    values = {
        "candidate": label_of(case.candidate),
        "control": label_of(case.control),
        "endpoint": endpoint_name(study.primary.key),
        "week": study.primary.time / DAYS_PER_WEEK,
    }
    chosen = case.scenario().draws
    if chosen is not None:
        key = "headline.posterior"
        effect = difference(results.difference(case.central))
        values |= {"effect": effect, "version": version_of(chosen), "until": chosen.until}
        return [Finding(Message(key, values), "assumed", ["run"], exploratory=True), _scenarios(case)]
    values |= {
        "low": difference(results.difference(low)),
        "high": difference(results.difference(high)),
        "low_scenario": name_of(scenario(low).name),
        "high_scenario": name_of(scenario(high).name),
    }
    if len(effects) == 1:
        key = "headline.effect-one"
    else:
        key = "headline.effect" if effects[low] < effects[high] else "headline.effect-same"
    return [Finding(Message(key, values), "assumed", ["run"], exploratory=True), _scenarios(case)]


def _scenarios(case: Case) -> Table:
    study, results = case.study, case.results
    rows = []
    for key in study.scenarios:
        for arm, protocol in study.arms.items():
            cell = results.primary(key, arm)
            gain = None if arm == study.control else difference(results.difference(key, arm))
            of = cell.n if not cell.failed else Message("headline.of", {"n": cell.n, "all": cell.n + cell.failed})
            rows.append([name_of(scenario(key).name), label_of(protocol), of, share(cell), gain])
    heads = ("head.scenario", "head.arm", "head.patients", "head.simulated", "head.difference")
    title = Message(
        "headline.table",
        {"endpoint": endpoint_name(study.primary.key), "week": study.primary.time / DAYS_PER_WEEK},
    )
    return Table(title, [Message(key) for key in heads], rows, _simulation_error(case))


def _simulation_error(case: Case) -> Message:
    """The largest Monte Carlo standard errors of the shares and differences shown."""
    study, results = case.study, case.results
    shares = [results.primary(key, arm).error for key in study.scenarios for arm in study.arms]
    gains = [
        results.difference(key, arm).error for key in study.scenarios for arm in study.arms if arm != study.control
    ]
    values = {
        "share": Estimate(max(shares), kind="percent", spread="none"),
        "difference": Estimate(max(gains), kind="percent", spread="none"),
    }
    return Message("headline.error", values)


def observed(case: Case) -> list[Block]:
    """What each named trial reported on the primary endpoint near its visit, arm by arm; or that it didn't."""
    blocks: list[Block] = []
    for key in case.study.trials:
        found = list(_near_primary(case, key))
        blocks += found or [Message("headline.not-reported", {"trial": Verbatim(key), **_what(case)})]
    if not blocks:
        blocks.append(Message("headline.no-trial"))
    return blocks


def _what(case: Case) -> dict[str, object]:
    primary = case.study.primary
    return {"endpoint": endpoint_name(primary.key), "week": primary.time / DAYS_PER_WEEK}


def _near_primary(case: Case, key: str) -> Iterator[Finding]:
    trial = case.store.trial(key)
    week = case.study.primary.time / DAYS_PER_WEEK
    told = [
        outcome
        for outcome in case.store.outcomes(key, case.study.primary.key)
        if outcome.events is not None and outcome.n and abs(outcome.week - week) <= NEAR_WEEKS
    ]
    if not told:
        return
    nearest = min(abs(outcome.week - week) for outcome in told)
    seen: set[str] = set()
    for outcome in told:
        if abs(outcome.week - week) > nearest or outcome.arm in seen:
            continue
        seen.add(outcome.arm)
        values = {
            "trial": Verbatim(trial.name),
            "arm": name_of(trial.arms[outcome.arm].label),
            "share": observed_outcome(outcome),
            "events": outcome.events,
            "n": outcome.n,
            "endpoint": endpoint_name(case.study.primary.key),
            "week": outcome.week,
        }
        yield Finding(Message("headline.observed", values), "measured", _sources(outcome.source))


def _sources(source: str) -> Sequence[str]:
    return [source] if source else []
