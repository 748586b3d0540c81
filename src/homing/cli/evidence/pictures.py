"""Pictures of the evidence: plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.evidence.options import FOLDER, open_store
from homing.cli.options import place
from homing.ground.whole_files import make_folder

if TYPE_CHECKING:
    from homing.evidence.records import Comparison, Trial
    from homing.evidence.store import Store

KINDS = (
    *("forest", "funnel", "cumulative", "leave-one-out", "baujat", "labbe", "bubble", "time-course"),
    *("network", "map"),
)


def plot(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help=", ".join(KINDS))],
    question: Annotated[str | None, typer.Argument(help="A question (network: a disease).")] = None,
    measure: Annotated[str, typer.Option(help="odds-ratio, risk-ratio or risk-difference.")] = "odds-ratio",
    method: Annotated[str, typer.Option(help="How to pool: REML, DL, ..., common.")] = "REML",
    zeros: Annotated[str, typer.Option(help="Empty cells: refuse, drop, add-half, ...")] = "refuse",
    endpoint: Annotated[str, typer.Option(help="Of a network.")] = "mayo-remission",
    by: Annotated[str, typer.Option(help="Bubbles by year, or a forest in groups by risk-of-bias.")] = "",
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    out: Annotated[Path, place("The folder that gets the pictures.")] = Path("evidence-pictures"),
    folder: FOLDER = None,
) -> None:
    """Draw a question's trials, a network, or the whole store as a map. SVG, PDF and PNG.

    Examples: homing evidence plot forest perianal-fistula-msc

              homing evidence plot network ulcerative-colitis --endpoint mayo-remission

              homing evidence plot map --lang zh
    """
    from homing.cli.evidence.pooling import check_known
    from homing.ground.errors import StudyError
    from homing.ground.nearest import did_you_mean
    from homing.synthesis.effect import TWO_ARM, ZEROS
    from homing.synthesis.regression import METHODS

    if kind not in KINDS:
        raise StudyError(f"there is no picture '{kind}'. {did_you_mean(kind, KINDS)}")
    if lang not in ("en", "zh"):
        raise StudyError(f"'{lang}' is no language of Homing's: en or zh.", "--lang")
    check_known(
        (
            ("--measure", measure, TWO_ARM),
            ("--method", method, METHODS),
            ("--zeros", zeros, ZEROS),
            ("--by", by, ("", "year", "risk-of-bias")),
        )
    )
    store = open_store(folder)
    if question is None and kind != "map":
        raise StudyError(f"'{kind}' is of a question; name it (homing evidence list --questions).")
    chosen = (("measure", measure), ("method", method), ("zeros", zeros), ("endpoint", endpoint), ("by", by))
    make_folder(out)
    stem = out / "-".join((kind, *([question] if question else []), *_unlike(context, chosen), lang))
    if kind == "map":
        written = _map(store, stem, lang)
    elif kind == "network":
        written = _network(store, str(question), endpoint, stem, lang)
    elif kind == "time-course":
        written = _course(store, str(question), stem, lang)
    else:
        written = _of_trials(store, str(question), _DRAW[kind], measure, method, zeros, by, stem, lang)
    for file in (written.svg, written.pdf, written.png):
        if file is not None:
            typer.echo(str(file))
    if written.note:
        typer.echo(f"note: {written.note}")


def _unlike(context: typer.Context, chosen: Sequence[tuple[str, str]]) -> list[str]:
    """What is chosen unlike the defaults: it makes another picture, which must not take the place of the first."""
    usual = {parameter.name: parameter.default for parameter in context.command.params}
    return [value for name, value in chosen if value != usual[name]]


class _Pooled:
    """A question's controlled trials with their effects, pooled, and how they are to be drawn."""

    def __init__(
        self,
        trials: Sequence[Comparison],
        better: str,
        measure: str,
        method: str,
        zeros: str,
        by: str,
        lang: str,
    ) -> None:
        from homing.synthesis.pool import pool
        from homing.synthesis.question import counts_of, effects_of

        self.effects: Any = effects_of(trials, measure, zeros)  # type: ignore[arg-type]
        self.trials = [trials[i] for i in self.effects.kept]
        self.pooled: Any = pool(self.effects, method)  # type: ignore[arg-type]
        self.counts = counts_of(self.trials)
        self.names = [c.trial.titled for c in self.trials]
        self.measure, self.method, self.by, self.lang = measure, method, by, lang
        self.higher_is_better = better == "higher"
        self.bias = [c.trial.risk_of_bias for c in self.trials]

    @property
    def look(self) -> dict[str, Any]:
        """What a forest is told of its effects: the measure, the language, and which side is the better."""
        return {"measure": self.measure, "language": self.lang, "higher_is_better": self.higher_is_better}


def _of_trials(
    store: Store,
    question: str,
    draw: Callable[[_Pooled, Path, str], Any],
    measure: str,
    method: str,
    zeros: str,
    by: str,
    stem: Path,
    lang: str,
) -> Any:
    from homing.ground.errors import StudyError
    from homing.synthesis.question import better_of

    trials = store.comparisons(question)
    if not trials:
        raise StudyError("this question has no controlled trial to draw.", question)
    pooled = _Pooled(trials, better_of(store, question), measure, method, zeros, by, lang)
    return draw(pooled, stem, store.question(question).title[lang])


#: Judgements of the risk of bias in Chinese, for the groups of a forest.
_JUDGED = {
    **{"low": "偏倚风险低", "some concerns": "偏倚风险有疑虑", "moderate": "偏倚风险中", "high": "偏倚风险高"},
    **{"serious": "偏倚风险严重", "critical": "偏倚风险极严重", "no information": "偏倚风险无信息"},
}
_RATED = ("low", "some concerns", "moderate", "high", "serious", "critical", "no information")


def _forest(p: _Pooled, stem: Path, title: str) -> Any:
    from homing.report.evidence_figures.data import between_of, rows_of, summary_of
    from homing.report.evidence_figures.forest import forest_plot
    from homing.synthesis.pool import pool_subgroups

    judged = [b.get("overall", "no information") for b in p.bias] if p.by == "risk-of-bias" else []
    groups = [_JUDGED[j] if p.lang == "zh" else f"risk of bias: {j}" for j in judged]
    parts = pool_subgroups(p.effects, groups, p.method) if len(set(groups)) > 1 else None  # type: ignore[arg-type]
    lights = [{k: v for k, v in b.items() if v in _RATED} for b in p.bias]
    rows = rows_of(
        p.names,
        p.effects,
        p.pooled.weights,
        counts=list(zip(*p.counts, strict=True)),
        groups=groups if parts else (),
        bias=lights if any(lights) else (),
    )
    return forest_plot(
        rows,
        stem,
        overall=summary_of(p.pooled),
        subgroups={name: summary_of(part) for name, part in parts.groups.items()} if parts else None,
        between=between_of(parts) if parts else None,
        **p.look,
        title=title,
    )


def _funnel(p: _Pooled, stem: Path, title: str) -> Any:
    from homing.report.evidence_figures.funnel import funnel_plot
    from homing.synthesis.asymmetry import trim_and_fill

    error = p.effects.variance**0.5
    filled = None
    if len(p.effects) >= 3:
        found = trim_and_fill(p.effects, "L0", p.method)  # type: ignore[arg-type]
        k = len(p.effects)
        if found.missing:
            filled = (found.filled.estimate[k:], found.filled.variance[k:] ** 0.5)
    return funnel_plot(
        *(p.effects.estimate, error, stem),
        pooled=p.pooled.estimate,
        filled=filled,
        names=p.names,
        measure=p.measure,
        language=p.lang,
        title=title,
    )


def _cumulative(p: _Pooled, stem: Path, title: str) -> Any:
    from homing.report.evidence_figures.data import summary_of
    from homing.report.evidence_figures.summaries import cumulative_forest
    from homing.synthesis.sensitivity import cumulative

    steps = [summary_of(s) for s in cumulative(p.effects, None, p.method)]  # type: ignore[arg-type]
    return cumulative_forest(p.names, steps, stem, title=title, **p.look)


def _leave_one_out(p: _Pooled, stem: Path, title: str) -> Any:
    from homing.report.evidence_figures.data import summary_of
    from homing.report.evidence_figures.summaries import leave_one_out_forest
    from homing.synthesis.sensitivity import leave_one_out

    without = [summary_of(s) for s in leave_one_out(p.effects, p.method)]  # type: ignore[arg-type]
    overall = summary_of(p.pooled)
    return leave_one_out_forest(p.names, without, stem, overall=overall, title=title, **p.look)


def _baujat(p: _Pooled, stem: Path, title: str) -> Any:
    from homing.report.evidence_figures.scatter import baujat_plot
    from homing.synthesis.sensitivity import influence

    found = influence(p.effects, p.method)  # type: ignore[arg-type]
    return baujat_plot(p.names, found.baujat_x, found.baujat_y, stem, language=p.lang, title=title)


def _labbe(p: _Pooled, stem: Path, title: str) -> Any:
    from homing.report.evidence_figures.scatter import labbe_plot

    return labbe_plot(
        p.names, *p.counts, stem, measure=p.measure, pooled=p.pooled.natural().estimate, language=p.lang, title=title
    )


def _bubble(p: _Pooled, stem: Path, title: str) -> Any:
    import numpy as np

    from homing.ground.errors import StudyError
    from homing.report.evidence_figures.data import Curve
    from homing.report.evidence_figures.scatter import regression_bubbles
    from homing.synthesis.regression import regress

    years = np.array([float(c.trial.year or np.nan) for c in p.trials])
    if np.isnan(years).any() or len(years) < 3:
        raise StudyError("bubbles over the years need three trials whose years are known.")
    fit = regress(p.effects, {"year": years - years.mean()}, p.method)  # type: ignore[arg-type]
    at = np.linspace(years.min(), years.max(), 60)
    band = fit.predict(np.column_stack([np.ones_like(at), at - years.mean()]))
    curve = Curve(at, *(p.effects.natural(band[:, i]) for i in range(3)))
    return regression_bubbles(
        *(
            p.names,
            years,
            p.effects.natural(p.effects.estimate),
            [a + b for a, b in zip(p.counts[1], p.counts[3], strict=True)],
        ),
        stem,
        x_label={"en": "year", "zh": "年份"}[p.lang],
        line=curve,
        measure=p.measure,
        language=p.lang,
        title=title,
    )


_DRAW: dict[str, Callable[[_Pooled, Path, str], Any]] = {
    "forest": _forest,
    "funnel": _funnel,
    "cumulative": _cumulative,
    "leave-one-out": _leave_one_out,
    "baujat": _baujat,
    "labbe": _labbe,
    "bubble": _bubble,
}


def _course(store: Store, question: str, stem: Path, lang: str) -> Any:
    import numpy as np

    from homing.report.evidence_figures.course import time_course_plot
    from homing.report.evidence_figures.data import Curve, TimePoint
    from homing.synthesis.question import course_over_time, readings_over_time

    readings = readings_over_time(store, question)
    weeks = np.linspace(1, max(r.week for r in readings), 80)
    middle, low, high = course_over_time(readings).curve(weeks).T
    points = [TimePoint(r.arm.replace("/", ", "), r.week, r.events / r.n, r.n) for r in readings]
    title = store.question(question).title[lang]
    return time_course_plot(points, stem, curve=Curve(weeks, middle, low, high), language=lang, title=title)


def _network(store: Store, disease: str, endpoint: str, stem: Path, lang: str) -> Any:
    from homing.evidence.query import network_arms
    from homing.report.evidence_figures.data import Edge, Node
    from homing.report.evidence_figures.network_graph import network_graph

    arms = network_arms(store, disease, endpoint, 4, 16).arms
    words = {key: word[lang] for key, word in store.treatment_terms.items()}
    patients: dict[str, int] = {}
    pairs: dict[tuple[str, str], int] = {}
    for arm in arms:
        patients[arm.treatment] = patients.get(arm.treatment, 0) + arm.n
    for study in dict.fromkeys(a.study for a in arms):
        here = sorted(a.treatment for a in arms if a.study == study)
        for i, one in enumerate(here):
            for other in here[i + 1 :]:
                pairs[(one, other)] = pairs.get((one, other), 0) + 1
    nodes = [Node(words[name], n) for name, n in patients.items()]
    edges = [Edge(words[a], words[b], n) for (a, b), n in pairs.items()]
    return network_graph(nodes, edges, stem, language=lang, title=store.outcome_terms[endpoint][lang])


def _map(store: Store, stem: Path, lang: str) -> Any:
    """Cells and bacteria only: the commonest endpoints by treatment, controlled and uncontrolled studies apart."""
    from homing.report.evidence_figures.data import MapCell
    from homing.report.evidence_figures.evidence_map import evidence_map

    found: dict[tuple[str, str, bool], dict[str, int]] = {}
    for trial in sorted(store.trials.values(), key=lambda t: (t.year or 9999, t.key)):
        if trial.disease not in ("crohn", "ulcerative-colitis", "cryptoglandular-fistula"):
            continue
        controlled = trial.randomised and any(a.role == "control" for a in trial.arms.values())
        for (endpoint, treatment), patients in _counted(trial).items():
            studies = found.setdefault((endpoint, treatment, controlled), {})
            if not any(store.share_patients(key, trial.key) for key in studies):
                studies[trial.key] = patients
    endpoints = _commonest(((key[0], trial) for key in found for trial in found[key]), 12)
    treatments = _commonest(((key[1], trial) for key in found for trial in found[key]), 14)
    cells = [
        MapCell(store.outcome_terms[e][lang], store.treatment_terms[t][lang], len(s), sum(s.values()), c)
        for (e, t, c), s in found.items()
        if e in endpoints and t in treatments
    ]
    return evidence_map(
        cells,
        stem,
        endpoints=[store.outcome_terms[e][lang] for e in endpoints],
        treatments=[store.treatment_terms[t][lang] for t in treatments],
        language=lang,
    )


def _counted(trial: Trial) -> dict[tuple[str, str], int]:
    """Patients of a trial by endpoint and living treatment: those of its arms, each once."""
    most: dict[tuple[str, str], dict[str, int]] = {}
    for o in trial.outcomes:
        treatment = trial.arms[o.arm].treatment
        if _is_living(treatment) and o.n and not (o.contradicts or o.is_subgroup):
            arms = most.setdefault((o.endpoint, treatment), {})
            arms[o.arm] = max(arms.get(o.arm, 0), o.n)
    return {key: sum(arms[arm] for arm in trial.once(arms)) for key, arms in most.items()}


def _is_living(treatment: str) -> bool:
    starts = ("adipose", "bone-marrow", "umbilical", "placental", "msc", "hsct", "treg", "car-", "fmt", "bacterial")
    return treatment.startswith((*starts, "probiotic", "multipotent", "mobilisation"))


def _commonest(found: Iterable[tuple[str, str]], most: int) -> list[str]:
    """The words that most trials bear on, of pairs of a word and a trial."""
    counts = Counter(word for word, _ in set(found))
    return sorted(counts, key=lambda w: (-counts[w], w))[:most]
