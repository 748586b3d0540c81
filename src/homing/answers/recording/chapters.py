"""The chapters of a credibility record: the assessment, its rules and factors, and what departs from the plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from homing.answers.case import endpoint_name, label_of, name_of
from homing.answers.content import Block, Chapter, Estimate, Finding, Message, Table, Text, Verbatim, three_decimals
from homing.answers.recording.evidence import compared, decides, informed
from homing.answers.recording.gather import Recorded
from homing.credibility.record.checkout import Checkout
from homing.credibility.record.deviations import Seen
from homing.credibility.record.frame import Factor, frame
from homing.credibility.record.outcomes import FILE
from homing.credibility.record.rules import FAIL, NOT_APPLICABLE, NOT_ASSESSED, PASS, Outcome, Rule, rules
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.population import population
from homing.study.scalars import LEVELS


def chapters(recorded: Recorded) -> list[Chapter]:
    """All chapters in order."""
    made = (
        ("assessment", _assessment),
        ("rules", _rules),
        ("factors", _factors),
        ("compared", compared),
        ("informed", informed),
        ("decides", decides),
        ("deviations", _deviations),
    )
    return [
        Chapter(number, key, list(make(recorded)), Message(f"record.certainty-{key}"))
        for number, (key, make) in enumerate(made, 1)
    ]


def headline(recorded: Recorded) -> list[Finding | Message]:
    """What the record comes to, in a sentence or two."""
    record = recorded.record
    values = {"risk": level(record.risk), **_counts(recorded)}
    blocks: list[Finding | Message] = [
        Finding(Message(f"record.verdict-{record.verdict}", values), "estimated", ["run"])
    ]
    failed = [name_of(o.rule.name) for o in record.outcomes if o.outcome == FAIL]
    if record.is_report and failed:
        blocks.append(Message("record.failed", {"rules": failed}))
    if record.is_report:
        blocks.append(Message("record.departures", {"n": len(record.seen), "logged": len(record.logged)}))
    return blocks


def level(key: str) -> Message:
    """Low, medium or high in words."""
    return Message(f"record.level-{key}")


def _counts(recorded: Recorded) -> dict[str, object]:
    counts = recorded.record.counts
    return {
        "n": len(recorded.record.outcomes),
        "passed": counts[PASS],
        "failed": counts[FAIL],
        "outside": counts[NOT_APPLICABLE],
        "open": counts[NOT_ASSESSED],
    }


def _assessment(recorded: Recorded) -> Iterator[Block]:
    record, study = recorded.record, recorded.study
    relied = record.relied
    context = Message(
        "record.context",
        {
            "population": name_of(population(study.population).name),
            "candidate": label_of(study.arms[study.candidate]),
            "control": label_of(study.arms[study.control]),
            "endpoint": endpoint_name(study.primary.key),
            "week": study.primary.time / DAYS_PER_WEEK,
            "matters": Message("record.points", {"number": 100 * relied.matters}),
            "limits": [Verbatim(note, note.zh) for note in study.limits] or Message("record.no-limits"),
        },
    )
    verdict = Message(f"record.appropriate-{record.verdict}", _counts(recorded))
    here: dict[str, Text] = {
        "question": Verbatim(relied.question),
        "context-of-use": context,
        "influence": level(relied.influence),
        "consequence": level(relied.consequence),
        "risk": level(record.risk),
        "impact": level(relied.impact) if relied.impact else Message("record.not-stated"),
        "criteria": Message("record.criteria", {"n": len(record.outcomes), "risk": level(record.risk)}),
        "appropriateness": verdict,
    }
    heads = [Message(f"record.head-{key}") for key in ("row", "asks", "here")]
    rows = [[name_of(row.name), name_of(row.asks), here[row.key]] for row in frame().rows]
    note = Message("record.because", {"because": Verbatim(relied.because)})
    yield Table(Message("record.table-assessment"), heads, rows, note)
    yield _matrix(recorded)
    yield Finding(Message("record.frame"), "assumed", frame().sources)


def _matrix(recorded: Recorded) -> Table:
    relied = recorded.record.relied
    rows = []
    for influence in LEVELS:
        cells: list[object] = [Message("record.influence", {"level": level(influence)})]
        for consequence in LEVELS:
            found = level(frame().risk_of(influence, consequence))
            is_here = (influence, consequence) == (relied.influence, relied.consequence)
            cells.append(Message("record.here", {"level": found}) if is_here else found)
        rows.append(cells)
    columns: list[Text] = [Message("record.head-influence")]
    columns += [Message("record.consequence", {"level": level(key)}) for key in LEVELS]
    return Table(Message("record.table-risk"), columns, rows, Message("record.risk-note"))


def _rules(recorded: Recorded) -> Iterator[Block]:
    is_report = recorded.record.is_report
    heads = ["factor", "rule", "passes", *(("measured", "outcome") if is_report else ())]
    rows = [_rule_row(outcome, is_report) for outcome in recorded.record.outcomes]
    title = Message("record.table-rules", {"risk": level(recorded.record.risk)})
    yield Table(title, [Message(f"record.head-{key}") for key in heads], rows, Message("record.rules-note"))
    altered = altered_files(recorded)
    if altered is not None:
        yield altered
    plan = recorded.record.plan
    if plan is not None:
        yield Message("record.plan", {"hash": plan.hash, "on": plan.on})


def altered_files(recorded: Recorded) -> Message | None:
    """Which files of the run aren't those that were written; None where all are."""
    found = recorded.record.facts.altered
    named = [Message(f"record.file-{what}", {"file": Verbatim(name)}) for name, what in found.items()]
    return Message("record.altered", {"files": named}) if named else None


def _rule_row(outcome: Outcome, is_report: bool) -> list[object]:
    rule = outcome.rule
    row: list[object] = [name_of(frame().factors[rule.factor].name), name_of(rule.name), _limit(outcome)]
    if is_report:
        row += [_measured(outcome), said(outcome)]
    return row


def _measured(outcome: Outcome) -> object:
    if outcome.outcome not in (PASS, FAIL):
        return Message(f"record.why-{outcome.why}")
    number = amount(outcome.rule, outcome.value)
    if not outcome.remark:
        return number
    return Message(f"record.remark-{outcome.remark}", {"number": number, **outcome.told})


def _limit(outcome: Outcome) -> Message:
    if outcome.rule.kind == "yes":
        return Message("record.must-hold")
    return Message(f"record.{outcome.rule.passes}", {"threshold": amount(outcome.rule, outcome.threshold)})


def amount(rule: Rule, number: float) -> object:
    """A number of a rule as it is printed."""
    if rule.kind == "yes":
        return bool(number)
    if rule.kind == "percent":
        return Estimate(number, kind="percent", spread="none")
    if rule.kind == "decimals":
        return three_decimals(number)
    if rule.kind == "points":
        return Message("record.points", {"number": 100 * number})
    return int(number) if rule.kind == "count" else number


def said(outcome: Outcome) -> Message:
    """An outcome in words."""
    return Message(f"record.outcome-{outcome.outcome.replace(' ', '-')}")


def _factors(recorded: Recorded) -> Iterator[Block]:
    checkout = recorded.record.facts.checkout
    heads = ["part", "factor", "asks", "tests", "rules"]
    rows = [_factor_row(recorded, factor) for factor in frame().factors.values()]
    yield Table(
        Message("record.table-factors"), [Message(f"record.head-{key}") for key in heads], rows, _tests(checkout)
    )
    if checkout is not None and checkout.missing:
        yield Message("record.tests-missing", {"paths": [Verbatim(path) for path in checkout.missing]})
    how: list[Sequence[object]] = [[name_of(r.name), name_of(r.how), name_of(r.because)] for r in rules()]
    columns = [Message(f"record.head-{key}") for key in ("rule", "how", "why")]
    yield Table(Message("record.table-how"), columns, how)


def _tests(checkout: Checkout | None) -> Message:
    """What is known of the tests: where they are counted, and when they were run on which source."""
    if checkout is None:
        return Message("record.tests-none")
    run = checkout.run
    if run is None:
        return Message("record.tests-counted", {"file": FILE.as_posix()})
    every = run.of()
    told = {"on": run.on, "passed": every.passed, "failed": every.failed, "skipped": every.skipped}
    stale = Message("record.tests-newer", {"n": run.newer, "newest": Verbatim(run.newest)})
    return Message("record.tests-ran", told | {"fresh": stale if run.is_stale else Message("record.tests-fresh")})


def _factor_row(recorded: Recorded, factor: Factor) -> list[object]:
    record = recorded.record
    found = record.of_factor(factor.key)
    checkout = record.facts.checkout
    told: object = len(found)
    if record.is_report:
        told = [Message("record.rule-outcome", {"rule": name_of(o.rule.name), "outcome": said(o)}) for o in found]
    tests = None if checkout is None else _tests_of(checkout, factor.key)
    return [Message(f"record.part-{factor.group}"), name_of(factor.name), name_of(factor.asks), tests, told]


def _tests_of(checkout: Checkout, factor: str) -> Message:
    """The test functions of a factor, and how their cases came out where they were run."""
    n, tally = checkout.tests[factor], checkout.came_out.get(factor)
    if tally is None:
        return Message("record.tests-of", {"n": n})
    if not tally.functions:
        return Message("record.tests-of-none", {"n": n})
    told = {"n": n, "ran": len(tally.functions), "passed": tally.passed}
    told |= {"failed": tally.failed, "skipped": tally.skipped}
    return Message("record.tests-of-run", told)


def _deviations(recorded: Recorded) -> Iterator[Block]:
    record = recorded.record
    if record.seen:
        rows = [[_seen(seen), seen.planned or None, seen.found or None] for seen in record.seen]
        heads = [Message(f"record.head-{key}") for key in ("departure", "planned", "found")]
        yield Table(Message("record.table-seen"), heads, rows)
    else:
        yield Message("record.none-seen")
    if record.logged:
        logged = [[d.on, Verbatim(d.what), Verbatim(d.why)] for d in record.logged]
        heads = [Message(f"record.head-{key}") for key in ("on", "what", "why")]
        yield Table(Message("record.table-logged"), heads, logged)
    else:
        yield Message("record.none-logged")


def _seen(seen: Seen) -> Message:
    names = {rule.key: name_of(rule.name) for rule in rules()}
    what: object = names.get(seen.what, Verbatim(seen.what))
    if seen.key == "relied":
        what = Message(f"record.relied-{seen.what}")
    return Message(f"record.seen-{seen.key}", {"what": what})
