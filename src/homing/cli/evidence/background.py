"""What control arms and drugs do: placebo, network; and published meta-analyses computed again."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from homing.cli.evidence.options import FOLDER, JSON, open_store, print_json, print_rows, shown


def placebo(
    endpoint: Annotated[str, typer.Argument(help="An outcome, such as mayo-remission or cdai-remission.")],
    first_week: Annotated[float, typer.Option(help="Visits from this week on.")] = 4,
    last_week: Annotated[float, typer.Option(help="Visits up to this week.")] = 16,
    robust: Annotated[float, typer.Option(help="Weight of the uniform part of the prior.")] = 0.2,
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """What placebo arms reached on an endpoint, over the years, and the prior they make for the next one.

    Example: homing evidence placebo mayo-remission
    """
    from homing.ground.errors import StudyError

    found = placebo_of(open_store(folder), endpoint, first_week, last_week, robust)
    if not found["arms"]:
        raise StudyError(f"no blinded placebo arm reports '{endpoint}' from week {first_week:g} to {last_week:g}.")
    if as_json:
        print_json(found)
        return
    print_rows(found["arms"])
    p = found["pooled"]
    typer.echo(f"pooled (binomial-normal, {len(found['arms'])} arms): {shown(p['estimate'], p['low'], p['high'])}")
    if "year" in found:
        y = found["year"]
        typer.echo(f"change of the logit in ten years: {shown(y['slope'], y['low'], y['high'], 2)}, p {y['p']:.3f}")
    prior = found["prior"]
    parts = " + ".join(f"{w:.2f} Beta({a:.2f}, {b:.2f})" for w, a, b in prior["mixture"])
    typer.echo(
        f"the next arm (95 %): {prior['low']:.3f} to {prior['high']:.3f}, worth {prior['patients']:.0f} patients"
    )
    typer.echo(f"as a prior, made robust: {parts}")


def placebo_of(store: Any, endpoint: str, first_week: float, last_week: float, robust: float) -> dict[str, Any]:
    """Arms, pooled share, drift over the years and the prior, as plain numbers."""
    from homing.evidence.query import placebo_arms
    from homing.ground.proportions import exact_interval
    from homing.synthesis.bayes import meta_analytic_prior
    from homing.synthesis.binomial import pool_proportions

    arms = placebo_arms(store, endpoint, first_week, last_week)
    rows = [
        {
            "trial": c.trial.key,
            "year": c.trial.when,
            "week": f"{c.outcome.week:g}",
            "events": f"{c.outcome.events}/{c.outcome.n}",
            "share": shown(c.outcome.events / c.outcome.n, *exact_interval(c.outcome.events, c.outcome.n)),  # type: ignore[operator, arg-type]
            "differs": c.outcome.differs,
            "source": c.outcome.source,
        }
        for c in arms
    ]
    found: dict[str, Any] = {"endpoint": endpoint, "arms": rows}
    if not arms:
        return found
    x, n = [c.outcome.events or 0 for c in arms], [c.outcome.n or 0 for c in arms]
    pooled = pool_proportions(x, n).natural()
    ends = {"estimate": float(pooled.estimate[0]), "low": float(pooled.low[0]), "high": float(pooled.high[0])}
    found["pooled"] = ends
    years = [c.trial.year for c in arms]
    if len(arms) > 3 and None not in years and len(set(years)) > 1:
        found["year"] = _drift(x, n, [int(y or 0) for y in years])
    prior = meta_analytic_prior(x, n)
    mixture = prior.robust(robust)
    found["prior"] = {
        "low": prior.quantile(0.025),
        "high": prior.quantile(0.975),
        "patients": prior.effective_size,
        "mixture": list(zip(mixture.weights, mixture.a, mixture.b, strict=True)),
    }
    return found


def _drift(x: list[int], n: list[int], years: list[int]) -> dict[str, float]:
    import numpy as np
    from scipy.special import ndtr

    from homing.synthesis.binomial import pool_proportions

    decades = (np.array(years) - np.mean(years)) / 10
    fit = pool_proportions(x, n, {"decades": decades})
    slope, error = float(fit.estimate[1]), float(fit.standard_error[1])
    half = 1.959964 * error
    return {"slope": slope, "low": slope - half, "high": slope + half, "p": float(2 * ndtr(-abs(slope) / error))}


def network(
    disease: Annotated[str, typer.Argument(help="crohn or ulcerative-colitis.")],
    endpoint: Annotated[str, typer.Argument(help="An outcome, such as mayo-remission.")],
    first_week: Annotated[float, typer.Option(help="Visits from this week on.")] = 4,
    last_week: Annotated[float, typer.Option(help="Visits up to this week.")] = 16,
    reference: Annotated[str, typer.Option(help="What others are compared with.")] = "placebo",
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """Cells, bacteria and drugs against placebo and each other, through every randomised trial that links them.

    Example: homing evidence network ulcerative-colitis mayo-remission
    """
    from homing.evidence.query import network_arms
    from homing.synthesis.network import StudyArm, contrasts_of, fit_network

    store = open_store(folder)
    rows = network_arms(store, disease, endpoint, first_week, last_week)
    arms = [StudyArm(r.study, r.treatment, r.n, r.events) for r in rows.arms]
    better = store.better(endpoint)
    contrasts = contrasts_of(arms, "odds-ratio", reference)
    found = fit_network(contrasts, reference, higher_is_better=better == "higher")
    inside = set(contrasts.study)
    content: dict[str, Any] = {
        "disease": disease,
        "endpoint": endpoint,
        "better": better,
        "treatments": _treatments(found, [a for a in arms if a.study in inside], store),
        "tau2": found.tau2,
        "inconsistency": {"q": found.inconsistency, "df": found.inconsistency_df, "p": found.inconsistency_p},
        "notes": list(found.notes),
        "left out": [{"what": what, "why": why} for what, why in rows.left_out],
    }
    if as_json:
        print_json(content)
        return
    print_rows(content["treatments"])
    typer.echo(f"tau2 {found.tau2:.4f}; of this endpoint {'more' if better == 'higher' else 'less'} is better")
    if found.inconsistency_df:
        q, df, p = found.inconsistency, found.inconsistency_df, found.inconsistency_p
        typer.echo(f"designs against each other: Q {q:.2f}, df {df}, p {p:.3f}")
    else:
        typer.echo("no loop of direct and indirect evidence: consistency can't be tested")
    for note in found.notes:
        typer.echo(f"note: {note}")
    for what, why in rows.left_out:
        typer.echo(f"left out: {what}: {why}")


def _treatments(found: Any, arms: list[Any], store: Any) -> list[dict[str, str]]:
    """The treatments of a network, the best first, with the risk of bias of the trials that gave them."""
    import numpy as np

    table = []
    for i in np.argsort(-found.p_score, kind="stable"):
        name, reference = found.treatments[i], found.reference
        estimate, low, high = (float(np.exp(v)) for v in found.interval(name, reference))
        own = [a for a in arms if a.treatment == name]
        direct = found.studies.get((min(name, reference), max(name, reference)), 0)
        against = "-" if name == reference else shown(estimate, low, high, 2)
        table.append(
            {
                "treatment": name,
                f"odds ratio against {reference}": against,
                "P-score": f"{found.p_score[i]:.2f}",
                "trials against it": "-" if name == reference else str(direct),
                "patients": str(int(sum(a.n for a in own))),
                "risk of bias": _bias([store.trial(a.study) for a in own]),
            }
        )
    return table


def _bias(trials: list[Any]) -> str:
    """'2 low, 1 high': trials by their overall judgement, the best first."""
    from homing.synthesis.bias import ORDER

    judged = [trial.risk_of_bias.get("overall", "no information") for trial in trials]
    return ", ".join(f"{judged.count(word)} {word}" for word in ORDER if word in judged)


def reproduce(
    key: Annotated[str | None, typer.Argument(help="One meta-analysis; all of them where none is named.")] = None,
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """Published meta-analyses computed again from their printed inputs, beside what they print.

    Example: homing evidence reproduce cheng-2019-healing
    """
    from homing.synthesis.reproduce import reproduce as again

    store = open_store(folder)
    metas = [store.meta_analysis(key)] if key else list(store.meta_analyses.values())
    rows = []
    for meta in metas:
        found = again(meta)
        p = meta.printed
        printed = "-" if "estimate" not in p else f"{p['estimate']:g}"
        if "low" in p and "high" in p:
            printed += f" ({p['low']:g} to {p['high']:g})"
        verdict = {True: "comes out", False: "does not come out", None: "can't be told"}[found.agrees]
        rows.append(
            {
                "meta-analysis": meta.key,
                "measure": meta.measure,
                "method": meta.method,
                "studies": str(len(meta.studies)),
                "printed": printed,
                "here": shown(found.estimate, found.low, found.high, 2),
                "so": verdict,
                "why": found.why or meta.missing,
            }
        )
    print_rows(rows, as_json)
