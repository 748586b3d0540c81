"""`homing patients`: what virtual patients are like at baseline, and how they are weighted to a trial's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.options import place, seed_option
from homing.cli.tables import print_table
from homing.ground.whole_files import make_folder

if TYPE_CHECKING:
    from homing.patients.baseline_table import Line, Table
    from homing.report.words import Words

app = typer.Typer(help="Virtual patients at baseline.", no_args_is_help=True, rich_markup_mode=None)

POPULATION = Annotated[str, typer.Argument(help="A population of the catalogue.")]
PATIENTS = Annotated[int, typer.Option(min=1, max=1_000_000, help="Virtual patients.")]
SEED = Annotated[int, seed_option("Seed; the patients are those of a study with the same seed.")]
LANG = Annotated[str, typer.Option(help="en or zh.")]
JSON = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("show")
def show(
    population: POPULATION, patients: PATIENTS = 2000, seed: SEED = 1, lang: LANG = "en", as_json: JSON = False
) -> None:
    """The baseline of a population's patients: distributions, correlations, how each is known.

    Example: homing patients show perianal-fistula-refractory-cd --lang zh
    """
    import numpy as np

    from homing.patients.covariates import covariates
    from homing.report.words import Words
    from homing.study.baseline import baseline

    words, simulator = Words(lang), _simulator(population, seed)
    columns = baseline(simulator, np.arange(patients))
    acceptance = simulator.cohort(np.arange(min(patients, 2000))).acceptance
    found = covariates(population)
    rows = [_about(name, values, population) for name, values in columns.items()]
    pairs: list[dict[str, Any]] = [
        {
            "between": list(c.between),
            "rho": c.rho.number,
            "basis": c.rho.basis,
            "source": c.rho.source,
            "because": c.rho.because,
        }
        for c in found.correlations
    ]
    if as_json:
        content = {"population": population, "patients": patients, "seed": seed, "acceptance": acceptance}
        typer.echo(json.dumps({**content, "baseline": rows, "correlations": pairs}, ensure_ascii=False, indent=1))
        return
    heads = ("covariate", "mean", "quartiles", "known", "source")
    print_table(
        [words.key(f"patients.head.{h}") for h in heads],
        [
            [
                words.key(f"patients.{row['name']}"),
                _shown(row["mean"], row["share"]),
                "" if row["share"] else " / ".join(f"{q:.4g}" for q in row["quartiles"]),
                words.key(f"basis.{row['basis']}") if row["basis"] else "",
                row["why"] if row["basis"] else words.key("patients.from-model"),
            ]
            for row in rows
        ],
    )
    _print_pairs(pairs, words)
    typer.echo(words.key("patients.counted", n=patients, acceptance=f"{100 * acceptance:.0f} %"))


@app.command("match")
def match(
    population: POPULATION,
    baseline: Annotated[
        str, typer.Option(help="A baseline table of the catalogue (homing catalog list baselines).")
    ] = "",
    table: Annotated[Path | None, typer.Option(help="A table of your own, YAML or CSV.")] = None,
    leave_out: Annotated[list[str] | None, typer.Option(help="A covariate whose lines are not asked for.")] = None,
    patients: PATIENTS = 2000,
    seed: SEED = 1,
    lang: LANG = "en",
    out: Annotated[Path | None, place("Folder that gets the picture and weights.csv.")] = None,
    as_json: JSON = False,
) -> None:
    """Weight virtual patients to a trial's baseline table: asked, unweighted, weighted, effective sample size.

    A table outside what the population can reach is refused, with the lines and how far it comes; exit code 2.

    Examples: homing patients match luminal-cd-moderate-severe --baseline GEMINI-2 --out pictures

              homing patients match uc-moderate-severe --table our-trial.csv --leave-out crp
    """
    from homing.ground.errors import StudyError
    from homing.patients.baseline_table import baseline_table, table_of_file
    from homing.report.words import Words
    from homing.study.baseline import weigh_cohort
    from homing.study.weights import FEW

    words = Words(lang)
    if bool(baseline) == (table is not None):
        raise StudyError("name one table: --baseline of the catalogue or --table of your own.")
    asked = baseline_table(baseline) if table is None else table_of_file(table)
    if leave_out:
        asked = asked.without(leave_out)
    columns, found = weigh_cohort(_simulator(population, seed), patients, asked)
    files = _save(out, population, asked, columns, found.weights, lang) if out is not None else []
    if as_json:
        rows = [
            {"line": m.line.label, "asked": m.asked, "unweighted": m.unweighted, "weighted": m.weighted}
            for m in found.lines
        ]
        content = {"population": population, "table": asked.key, "patients": patients, "seed": seed, "lines": rows}
        more = {"effective": found.effective, "design effect": found.design_effect, "files": files}
        typer.echo(json.dumps(content | more, ensure_ascii=False, indent=1))
        return
    heads = [words.key(f"patients.head.{h}") for h in ("line", "asked", "unweighted", "weighted")]
    shown = [(m.line, m.asked, m.unweighted, m.weighted) for m in found.lines]
    print_table(heads, [[_label(line, words), *(_shown(x, line.kind == "share") for x in xs)] for line, *xs in shown])
    typer.echo(
        words.key(
            "patients.effective", n=patients, effective=f"{found.effective:.0f}", design=f"{found.design_effect:.2f}"
        )
    )
    if found.effective < FEW * patients:
        typer.echo(words.key("patients.few"))
    if leave_out:
        typer.echo(words.key("patients.left-out", names=", ".join(leave_out)))
    for file in files:
        typer.echo(file)


def _print_pairs(pairs: list[dict[str, Any]], words: Words) -> None:
    if not pairs:
        return
    typer.echo(words.key("patients.correlations"))
    heads = [words.key(f"patients.head.{h}") for h in ("between", "rho", "known", "source")]
    rows = [
        [" – ".join(p["between"]), f"{p['rho']:g}", words.key(f"basis.{p['basis']}"), p["because"] or p["source"]]
        for p in pairs
    ]
    print_table(heads, rows)


def _simulator(population: str, seed: int) -> Any:
    from homing.patients.population import population as read
    from homing.study.simulator import Simulator

    return Simulator(read(population), seed)


def _about(name: str, values: Any, population: str) -> dict[str, Any]:
    """One covariate in numbers, and how its distribution is known; of what the model gives nothing is drawn."""
    import numpy as np

    from homing.patients.covariates import covariates
    from homing.patients.population import population as read

    seen = values[np.isfinite(values)]
    known = next((c.how_known for c in covariates(population).covariates if c.name == name), None)
    drawn = read(population).distributions
    value = known or (drawn[name].centre if name in drawn else None)
    why = "" if value is None else (value.source if value.basis != "assumed" else value.because)
    return {
        "name": name,
        "mean": float(seen.mean()),
        "sd": float(seen.std()),
        "quartiles": [float(q) for q in np.quantile(seen, [0.25, 0.5, 0.75])],
        "share": set(np.unique(seen)) <= {0.0, 1.0},
        "basis": "" if value is None else value.basis,
        "why": why,
    }


def _label(line: Line, words: Words) -> str:
    text = words.key(f"patients.{line.of}")
    for side, bound in (("at-least", line.at_least), ("at-most", line.at_most)):
        text += "" if bound is None else ", " + words.key(f"patients.{side}", number=f"{bound:g}")
    quartile = {0.25: "lower", 0.5: "median", 0.75: "upper"}
    kind = quartile[line.level] if line.kind == "quantile" else line.kind
    return f"{text}, {words.key(f'patients.{kind}')}"


def _shown(number: float, share: bool) -> str:
    return f"{100 * number:.1f} %" if share else f"{number:.4g}"


def _save(out: Path, population: str, table: Table, columns: Any, weights: Any, lang: str) -> list[str]:
    from homing.patients.population import population as read
    from homing.report.patient_figures import save_marginals
    from homing.study.folder import write_text

    make_folder(out)
    stem = out / f"{population}-{table.key}-{lang}"
    files = save_marginals(columns, table, weights, lang, stem, read(population).name[lang])
    listed = out / f"{population}-{table.key}-weights.csv"
    rows = zip(weights, *columns.values(), strict=True)
    text = "\n".join(",".join([str(i), *(f"{float(x):.10g}" for x in row)]) for i, row in enumerate(rows))
    write_text(listed, ",".join(["patient", "weighting", *columns]) + "\n" + text + "\n")
    return [str(file) for file in (*files, listed)]
