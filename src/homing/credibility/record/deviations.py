"""Departures from the plan that can be seen without being told: what the plan declares beside what was run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homing.credibility.record.plan import Plan, make_plan
from homing.study.plan import Study


@dataclass(frozen=True)
class Seen:
    """One departure. `key` says which ('no-plan', 'plan-after-start', 'plan-after-run', 'start-unknown',
    'plan-replaced', 'study', 'seed', 'patients', 'scenarios', 'weights', 'primary', 'version', 'model', 'relied',
    'risk', 'rule', 'rule-gone', 'rule-new'); `what` is the rule or field, `planned` and `found` both sides as text."""

    key: str
    what: str = ""
    planned: str = ""
    found: str = ""


def deviations(study: Study, plan: Plan | None, record: Mapping[str, Any] | None) -> tuple[Seen, ...]:
    """Every departure of a study and its run (run.json; None before there is one) from the plan."""
    if plan is None:
        return (Seen("no-plan"),)
    return tuple(_seen(plan, make_plan(study).content, record))


def _seen(plan: Plan, now: Mapping[str, Any], record: Mapping[str, Any] | None) -> Iterator[Seen]:
    if plan.replaces:
        yield Seen("plan-replaced", planned=plan.replaces, found=plan.hash)
    if record is not None:
        yield from _too_late(plan, record)
    then = plan.content
    named = [key for key in ("seed", "patients", "scenarios", "weights", "primary") if _differ(then, now, "study", key)]
    for key in named:
        yield Seen(key, planned=_text(then["study"].get(key)), found=_text(now["study"][key]))
    if _differ(then, now, "study", "digest"):
        yield Seen("study", planned=then["study"]["digest"], found=now["study"]["digest"])
    for key, name in (("version", "homing"), ("model", "model"), ("risk", "risk")):
        if then[name] != now[name]:
            yield Seen(key, planned=str(then[name]), found=str(now[name]))
    for key in now["relied"]:
        if _differ(then, now, "relied", key):
            yield Seen("relied", key, _text(then["relied"].get(key)), _text(now["relied"][key]))
    yield from _rules(then["rules"], now["rules"])


def _too_late(plan: Plan, record: Mapping[str, Any]) -> Iterator[Seen]:
    """A plan comes before the run begins; where run.json doesn't say when that was, its end still tells something."""
    began, ended = (str(record.get(name, "")) for name in ("started", "finished"))
    if began:
        if began < plan.on:
            yield Seen("plan-after-start", planned=plan.on, found=began)
    elif ended < plan.on:
        yield Seen("plan-after-run", planned=plan.on, found=ended)
    else:
        yield Seen("start-unknown", planned=plan.on, found=ended)


def _rules(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Seen]:
    for key in sorted({*then, *now}):
        if key not in now:
            yield Seen("rule-gone", key)
        elif key not in then:
            yield Seen("rule-new", key)
        elif then[key] != now[key]:
            yield Seen("rule", key, _rule(then[key]), _rule(now[key]))


def _rule(declared: Mapping[str, Any]) -> str:
    return f"{declared['measure']} {declared['passes']} {declared['threshold']:g}"


def _differ(then: Mapping[str, Any], now: Mapping[str, Any], part: str, key: str) -> bool:
    return bool(then[part].get(key) != now[part][key])


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
