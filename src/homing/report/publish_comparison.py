"""From a study file to a comparison of all its arms: the run's folder, its tables and `comparison.html`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from homing.answers.case import label_of, name_of
from homing.answers.comparing.base import Comparison
from homing.answers.comparing.c3_what_for_what import criteria, unvaried
from homing.answers.content import Block, Chapter, Finding, Message, Verbatim
from homing.answers.posterior import posterior_blocks
from homing.ground.errors import StudyError
from homing.patients.posterior import posterior
from homing.report import html
from homing.report.appendix import cited_sources, parameter_rows
from homing.report.document import Document
from homing.report.publish import case_of, facts_of, run_record, run_warnings
from homing.report.words import Words
from homing.study import folder as folders
from homing.study.patients import read_patients
from homing.study.plan import Study
from homing.study.run import RESULTS, Progress, Run, run
from homing.trials.ranking import difference, front, probability_of_best

#: The chapters in the order of the report; each module has `answer(comparison) -> Chapter`.
CHAPTERS = (
    "c1_which_does_best",
    "c2_how_sure",
    "c3_what_for_what",
    "c4_which_patients",
    "c5_where_cells_go",
    "c6_how_long",
    "c7_which_harms",
    "c8_what_evidence",
)
REPORT, DIFFERENCES = "comparison.html", "differences.csv"
Row = dict[str, object]


@dataclass(frozen=True)
class Compared:
    """A finished comparison: its run, its report, and a row for each arm."""

    run: Run
    report: Path
    language: str
    headline: tuple[str, ...]
    candidates: tuple[Row, ...]

    def as_text(self) -> str:
        """The headline and where everything is."""
        words = Words(self.language)
        lines = [words.key("compare.told"), *(f"  {line}" for line in self.headline)]
        lines += [words.key("told.reused")] if self.run.reused else []
        return "\n".join([*lines, words.key("told.report", path=str(self.report)), words.key("footer.research")])

    def as_json(self) -> str:
        """The same as JSON, with every arm's shares, differences and probabilities."""
        content = facts_of(self.run, self.report, self.headline) | {"candidates": list(self.candidates)}
        return json.dumps(content, ensure_ascii=False, indent=1)


def compare(
    study: Study,
    out: Path | str = "runs",
    *,
    threads: int | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Compared:
    """Run a study and set all of its arms beside each other, in the study's language.

    Raises: StudyError for a study with one arm, or a folder that can't be written.

    Example:
        >>> import homing as hm  # doctest: +SKIP
        >>> print(hm.compare(hm.read_study("examples/routes-and-products.yaml")).as_text())  # doctest: +SKIP
    """
    if len(study.arms) < 2:
        raise StudyError("a comparison needs two arms at least.", f"{study.file}: arms")
    if study.like is not None:
        raise StudyError(
            "a comparison counts every virtual patient alike and can't weight them to a trial's table, not yet. Take "
            "`like` out, or use `homing run`, which weights.",
            f"{study.file}: like",
        )
    finished = run(study, out, threads=threads, progress=progress)
    found = comparison_of(study, finished, threads)
    chapters = []
    for number, name in enumerate(CHAPTERS):
        progress("report", number, len(CHAPTERS))
        answer: Callable[[Comparison], Chapter] = import_module(f"homing.answers.comparing.{name}").answer
        chapters.append(answer(found))
    document = make_document(found, chapters)
    report = html.save(document, finished.folder, study.language, timings=False, name=REPORT)
    rows = difference_rows(found)
    folders.write_text(finished.folder / DIFFERENCES, as_csv(rows))
    progress("report", len(CHAPTERS), len(CHAPTERS))
    words = Words(study.language)
    told = tuple(words(block.message) for block in document.headline if isinstance(block, Finding))
    return Compared(finished, report, study.language, told, tuple(candidate_rows(found)))


def comparison_of(study: Study, finished: Run, threads: int | None = None) -> Comparison:
    """The comparison of a finished run's arms."""
    return Comparison(case_of(study, finished, threads), read_patients(study, finished.folder / RESULTS))


def make_document(c: Comparison, chapters: Sequence[Chapter]) -> Document:
    """The whole report of a comparison as data: its headline is the first finding of the first four chapters."""
    case = c.case
    headline: list[Block] = []
    for chapter in chapters[:4]:
        first = next((block for block in chapter.blocks if isinstance(block, Finding)), None)
        headline += [first] if first is not None else []
    evidence = next((chapter for chapter in chapters if chapter.key == "what_evidence"), None)
    observed = [] if evidence is None else [b for b in evidence.blocks if isinstance(b, Finding)][:3]
    arms = Message("compare.candidates", {"n": len(c.arms), "control": label_of(case.control)})
    return Document(
        title=Verbatim(case.study.title),
        question=Verbatim(case.study.question),
        candidate=arms,
        population=name_of(case.simulator.population.name),
        run_id=case.run.id,
        headline=headline,
        observed=observed,
        chapters=chapters,
        parameters=parameter_rows(case),
        sources=cited_sources(case),
        run=run_record(case),
        warnings=run_warnings(case),
        exploratory=True,
        appendix=list(posterior_blocks(case)),
        uncalibrated=posterior().provisional,
        kind="compare",
    )


def difference_rows(c: Comparison) -> list[Row]:
    """Every arm against the control in every scenario, with three intervals, at the primary and the last visit;
    in the scenario of the posterior with a fourth, over its draws."""
    rows = []
    for key in c.scenarios:
        for what, outcomes in (("primary", c.met[key]), ("lasting", c.lasting[key])):
            for i in range(len(c.arms)):
                found = difference(outcomes[i], outcomes[c.reference], c.size)
                row: Row = {"scenario": key, "what": what, "arm": c.arms[i], "control": c.arms[c.reference]}
                row |= {"share": float(np.nanmean(outcomes[i])), "difference": found.value}
                for name in ("monte_carlo", "cohort", "trial"):
                    low, high = getattr(found, name)
                    row |= {f"{name}_low": low, f"{name}_high": high}
                told = c.gain(outcomes[i], outcomes[c.reference], key)
                ends = (told.low, told.high) if told.spread == "posterior" else (math.nan, math.nan)
                row |= {"posterior_low": ends[0], "posterior_high": ends[1]}
                rows.append(row)
    return rows


def as_csv(rows: Sequence[Row]) -> str:
    """Rows of one form as CSV text."""
    import csv
    import io

    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]) if rows else ["scenario"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows)
    return stream.getvalue()


def candidate_rows(c: Comparison) -> list[Row]:
    """Each arm: shares by scenario, gain, probability of being best, criteria, whether it is on the front."""
    drawn = c.drawn(c.met)
    best = probability_of_best(np.concatenate([drawn[key] for key in c.case.judged]))
    costs = [c.money(i) for i in range(len(c.arms))]
    infections = np.nanmean(c.infections, axis=1)
    on = front(criteria(c, c.met[c.case.central], c.lasting[c.case.central], unvaried(c)))
    rows: list[Row] = []
    for i, arm in enumerate(c.arms):
        deaths, money = c.deaths(i), costs[i]
        shares: dict[str, Any] = {key: float(np.nanmean(c.met[key][i])) for key in c.scenarios}
        gains = {key: float(np.nanmean(c.met[key][i] - c.met[key][c.reference])) for key in c.scenarios}
        rows.append(
            {
                "arm": arm,
                "is_control": i == c.reference,
                "share": shares,
                "gain": gains,
                "lasting": {key: float(np.nanmean(c.lasting[key][i])) for key in c.scenarios},
                "probability_of_best": float(best[i]),
                "infections_first_year": float(infections[i]),
                "deaths": None if deaths is None else deaths.value,
                "cost": None if money is None else {"amount": money.value, "currency": money.unit},
                "on_front": bool(on[i]),
            }
        )
    return rows
