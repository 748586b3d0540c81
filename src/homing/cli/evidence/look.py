"""Looking at the store: list, show, query, check, claims, gaps."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from homing.cli.evidence.options import FOLDER, JSON, open_store, print_rows


def list_trials(
    question: Annotated[str | None, typer.Option(help="Only the trials of one question.")] = None,
    treatment: Annotated[str | None, typer.Option(help="Only trials with an arm of this treatment.")] = None,
    disease: Annotated[str | None, typer.Option(help="Only trials in this disease.")] = None,
    questions: Annotated[bool, typer.Option("--questions", help="List the questions instead.")] = False,
    treatments: Annotated[bool, typer.Option("--treatments", help="List the treatments instead.")] = False,
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """The trials of the store, or the questions or treatments that they bear on.

    Examples: homing evidence list --treatment hsct-autologous

              homing evidence list --question perianal-fistula-msc
    """
    from homing.ground.errors import StudyError
    from homing.ground.nearest import did_you_mean

    store = open_store(folder)
    if questions:
        print_rows(
            [{"key": q.key, "title": q.title["en"], "标题": q.title["zh"]} for q in store.questions.values()], as_json
        )
        return
    if treatments:
        print_rows([{"key": k, "name": t["en"], "名称": t["zh"]} for k, t in store.treatment_terms.items()], as_json)
        return
    if treatment is not None and treatment not in store.treatment_terms:
        raise StudyError(f"'{treatment}' is not known. {did_you_mean(treatment, store.treatment_terms)}", "--treatment")
    diseases = {t.disease for t in store.trials.values()}
    if disease is not None and disease not in diseases:
        raise StudyError(f"'{disease}' is not known. {did_you_mean(disease, diseases)}", "--disease")
    wanted = set(store.trials)
    if question is not None:
        found = store.question(question)
        wanted = {pair.trial for pair in (*found.comparisons, *found.singles)}
    rows = [
        {
            "key": t.key,
            "year": t.when,
            "design": t.design["en"],
            "phenotype": t.phenotype["en"],
            "patients": str(t.patients),
            "outcomes": str(len(t.outcomes)),
            "whose": "homing" if t.layer == "homing" else "yours",
        }
        for t in sorted(store.trials.values(), key=lambda t: (t.year or 9999, t.key))
        if t.key in wanted
        and disease in (None, t.disease)
        and (treatment is None or any(a.treatment == treatment for a in t.arms.values()))
    ]
    print_rows(rows, as_json)
    if not as_json:
        typer.echo(f"{len(rows)} trials.")


def show_trial(
    trial: Annotated[str, typer.Argument(help="The trial's key, as `list` prints it.")],
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """One trial: arms, outcomes, adverse events, kinetics and costs, each with its source.

    Example: homing evidence show ADMIRE-CD
    """
    from dataclasses import asdict

    from homing.evidence.sources import load_sources

    found = open_store(folder).trial(trial)
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1, default=dict))
        return
    ids = ", ".join(f"{kind} {number}" for kind, number in found.ids.items())
    typer.echo(f"{found.name} ({found.when}): {found.design['en']}; {found.phenotype['en']}. {ids}")
    for line in _about(found):
        typer.echo(line)
    print_rows(_arms(found))
    print_rows(_results(found))
    print_rows(_more(found))
    for note in found.notes:
        typer.echo(f"- {note['en']}")
    sources = load_sources()
    for key in found.sources:
        typer.echo(f"[{key}] {sources[key].citation} (read: {sources[key].read})")


def _about(t: Any) -> list[str]:
    facts = {
        "blinding": t.blinding,
        "status": t.status if t.status != "published" else "",
        "sites": t.sites,
        "countries": ", ".join(t.countries),
        "registered": f"{t.registered_n} patients" if t.registered_n else "",
        "from": t.start,
        "to": t.end,
    }
    lines = ["; ".join(f"{name} {value}" for name, value in facts.items() if value)]
    if t.criteria:
        lines.append(f"criteria: {t.criteria}")
    if t.risk_of_bias:
        bias = t.risk_of_bias
        lines.append(f"risk of bias ({bias['tool']}): {bias['overall']}; {bias['because']}")
    if t.shares_patients_with:
        lines.append(f"shares patients with {', '.join(t.shares_patients_with)}: don't pool both")
    return [line for line in lines if line]


def _arms(t: Any) -> list[dict[str, str]]:
    return [
        {
            "arm": a.key,
            "what": a.label["en"],
            "treatment": a.treatment,
            "dose": "" if a.dose is None else f"{a.dose:.3g} cells{'/kg' if a.dose_per_kg else ''}",
            "route": a.route,
            "n": str(a.n),
            "given": "; ".join(x for x in (a.schedule, a.co_intervention, a.note) if x),
        }
        for a in t.arms.values()
    ]


def _results(t: Any) -> list[dict[str, str]]:
    from homing.evidence.records import weeks

    rows = [
        {
            "arm": o.arm,
            "what": o.endpoint,
            "week": weeks(o.week),
            "result": o.result,
            "how got": o.derived or o.printed,
            "remark": (o.contradicts and f"not used: {o.contradicts}")
            or "; ".join(x for x in (o.differs, o.effect) if x),
            "source": f"{o.source}, {o.at}" if o.at else o.source,
        }
        for o in t.outcomes
    ]
    rows += [
        {
            "arm": e.arm,
            "what": e.event,
            "week": weeks(e.week),
            "result": f"{e.events}/{e.n}",
            "how got": e.derived or e.printed,
            "remark": "",
            "source": f"{e.source}, {e.at}" if e.at else e.source,
        }
        for e in t.adverse_events
    ]
    return rows


def _more(t: Any) -> list[dict[str, str]]:
    rows = [
        {
            "of": k.arm,
            "what": k.what,
            "when": "" if k.day != k.day else f"day {k.day:g}",
            "value": f"{k.printed} {'' if k.unit in k.printed else k.unit}".strip(),
            "n": str(k.n or ""),
            "source": k.source,
        }
        for k in t.kinetics
    ]
    rows += [
        {"of": e.country, "what": e.what, "when": e.year, "value": f"{e.value:g} {e.unit}", "n": "", "source": e.source}
        for e in t.economics
    ]
    return rows


def query(
    endpoint: Annotated[str | None, typer.Option(help="An outcome or adverse event, by its word.")] = None,
    treatment: Annotated[str | None, typer.Option(help="What the arm was given.")] = None,
    disease: Annotated[str | None, typer.Option(help="crohn, ulcerative-colitis, ...")] = None,
    role: Annotated[str | None, typer.Option(help="candidate, control or other.")] = None,
    since: Annotated[int | None, typer.Option(help="Reported in this year or later.")] = None,
    until: Annotated[int | None, typer.Option(help="Reported in this year or before.")] = None,
    blinded: Annotated[bool, typer.Option("--blinded", help="Double-blind trials only.")] = False,
    kinetics: Annotated[bool, typer.Option("--kinetics", help="Readings of cells and antibodies instead.")] = False,
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """Rows over all trials: outcomes, adverse events or kinetics by treatment, endpoint, disease, role and year.

    Examples: homing evidence query --endpoint mayo-remission --role control --blinded

              homing evidence query --treatment hsct-autologous --endpoint treatment-related-death
    """
    from homing.evidence.query import kinetic_rows, result_rows

    store = open_store(folder)
    chosen = {
        "treatment": treatment, "disease": disease, "role": role, "since": since, "until": until, "blinded": blinded,
    }  # fmt: skip
    rows = kinetic_rows(store, **chosen) if kinetics else result_rows(store, endpoint=endpoint, **chosen)  # type: ignore[arg-type]
    print_rows(rows, as_json)
    if not as_json:
        typer.echo(f"{len(rows)} rows.")


def check(
    remarks: Annotated[
        bool, typer.Option("--all", help="Print what must be known too, not only what can't be.")
    ] = False,
    folder: FOLDER = None,
) -> None:
    """Look for what cannot be. Exit code 2 if anything is found.

    Impossible counts, percentages that don't match, trials told twice, numbers of registries that don't fit, sources
    that were retracted, results without a source or denominator.

    Example: homing evidence check
    """
    from homing.evidence.check import check_store

    store = open_store(folder)
    found = check_store(store)
    for finding in found:
        if finding.kind == "fault" or remarks:
            typer.echo(f"{finding.kind}: {finding.where}: {finding.what}")
    faults = sum(f.kind == "fault" for f in found)
    trials = store.trials.values()
    counts = {
        "trials": len(trials),
        "outcomes": sum(len(t.outcomes) for t in trials),
        "adverse events": sum(len(t.adverse_events) for t in trials),
        "kinetic readings": sum(len(t.kinetics) for t in trials),
    }
    told = ", ".join(f"{n} {what}" for what, n in counts.items())
    typer.echo(f"{told}: {faults} faults, {len(found) - faults} remarks.")
    if faults:
        raise typer.Exit(2)


def claims(as_json: JSON = False, folder: FOLDER = None) -> None:
    """Claims that are often repeated, and what their sources say.

    Example: homing evidence claims
    """
    store = open_store(folder)
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps([asdict(c) for c in store.claims], ensure_ascii=False, indent=1, default=dict))
        return
    rows = [
        {"claim": c.claim["en"], "what the source says": c.says["en"], "so": c.verdict, "sources": ", ".join(c.sources)}
        for c in store.claims
    ]
    print_rows(rows)


def gaps(
    topic: Annotated[str | None, typer.Option(help="Only gaps whose topic or text holds this word.")] = None,
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """What was looked for and not found.

    Example: homing evidence gaps --topic HSCT
    """
    found = [
        {"topic": g.topic, "looked for": g.looked_for, "found": g.found}
        for g in open_store(folder).gaps
        if topic is None or topic.lower() in f"{g.topic} {g.looked_for} {g.found}".lower()
    ]
    print_rows(found, as_json)
