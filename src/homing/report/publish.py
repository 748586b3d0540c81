"""From a study file to a run folder with its report: the main job."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from homing import __version__
from homing.answers.case import Case, label_of, name_of
from homing.answers.content import Block, Chapter, Finding, Message, Text, Verbatim
from homing.answers.headline import headline, observed
from homing.answers.misses import with_misses
from homing.answers.posterior import posterior_blocks
from homing.answers.sensitivity import sensitivity
from homing.engine.trajectories import Status
from homing.evidence.store import load_store
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.posterior import posterior
from homing.report import html
from homing.report.appendix import cited_sources, parameter_rows
from homing.report.document import Document
from homing.report.words import Words
from homing.study.numerics import notes_on
from homing.study.plan import Study
from homing.study.results import read_results
from homing.study.run import RESULTS, Progress, Run, available_threads, run
from homing.study.weights import notes_on_weights

#: The chapters in the order of the report; each module has `answer(case) -> Chapter`.
CHAPTERS = (
    "q1_why_cells",
    "q2_which_cells",
    "q3_how_much",
    "q4_which_route",
    "q5_what_evidence",
    "q6_how_long",
    "q7_how_safe",
    "q8_what_next",
)


@dataclass(frozen=True)
class Published:
    """A finished run with its report, ready to be told on the command line."""

    run: Run
    report: Path
    language: str
    headline: tuple[str, ...]
    observed: tuple[str, ...]

    def as_text(self) -> str:
        """The headline, the observed trials beside it, and where everything is."""
        words = Words(self.language)
        lines = [words.key("told.simulated"), *(f"  {line}" for line in self.headline)]
        lines += [words.key("told.observed"), *(f"  {line}" for line in self.observed)]
        if self.run.reused:
            lines.append(words.key("told.reused"))
        return "\n".join([*lines, words.key("told.report", path=str(self.report)), words.key("footer.research")])

    def as_json(self) -> str:
        """The same as JSON."""
        content = facts_of(self.run, self.report, self.headline) | {"observed": list(self.observed)}
        return json.dumps(content, ensure_ascii=False, indent=1)


def facts_of(finished: Run, report: Path, headline: Sequence[str]) -> dict[str, object]:
    """What a program is told of a finished run and its report."""
    return {
        "folder": str(finished.folder),
        "report": str(report),
        "seed": finished.study.seed,
        "patients": finished.study.patients,
        "reused": finished.reused,
        "headline": list(headline),
    }


def case_of(study: Study, finished: Run, threads: int | None = None) -> Case:
    """What the chapters ask: a finished run with its results, its simulator and the evidence."""
    return Case(
        study=study,
        run=finished,
        results=read_results(study, finished.folder / RESULTS),
        simulator=finished.simulator(threads or available_threads()),
        store=load_store(),
    )


def publish(
    study: Study,
    out: Path | str = "runs",
    *,
    threads: int | None = None,
    cluster: str = "",
    progress: Progress = lambda step, done, total: None,
) -> Published:
    """Run a study and write its report into the run's folder, in the study's language.

    Arguments: as in `homing.study.run.run`. Raises: StudyError for a folder that can't be written.

    Example:
        >>> import homing as hm  # doctest: +SKIP
        >>> print(hm.publish(hm.read_study("examples/admire-cd.yaml")).as_text())  # doctest: +SKIP
    """
    finished = run(study, out, threads=threads, cluster=cluster, progress=progress)
    case = case_of(study, finished, threads)
    chapters = []
    for number, name in enumerate(CHAPTERS):
        progress("report", number, len(CHAPTERS))
        answer: Callable[[Case], Chapter] = import_module(f"homing.answers.{name}").answer
        chapters.append(with_misses(case, answer(case)))
    document = make_document(case, chapters)
    report = html.save(document, finished.folder, study.language, timings=False)
    progress("report", len(CHAPTERS), len(CHAPTERS))
    words = Words(study.language)
    return Published(finished, report, study.language, _told(document.headline, words), _told(document.observed, words))


def make_document(case: Case, chapters: list[Chapter]) -> Document:
    """The whole report of a case as data."""
    study = case.study
    return Document(
        title=Verbatim(study.title),
        question=Verbatim(study.question),
        candidate=label_of(case.candidate),
        population=name_of(case.simulator.population.name),
        run_id=case.run.id,
        headline=headline(case),
        observed=observed(case),
        chapters=chapters,
        parameters=parameter_rows(case),
        sources=cited_sources(case),
        run=run_record(case),
        warnings=run_warnings(case),
        limits=[Verbatim(limit, limit.zh) for limit in study.limits],
        exploratory=sensitivity(case).exploratory,
        appendix=list(posterior_blocks(case)),
        uncalibrated=posterior().provisional,
    )


def _told(blocks: Sequence[Block], words: Words) -> tuple[str, ...]:
    """The sentences among some blocks, in words."""
    found: list[Message] = []
    for block in blocks:
        if isinstance(block, Finding):
            found.append(block.message)
        elif isinstance(block, Message):
            found.append(block)
    return tuple(words(message) for message in found)


def run_record(case: Case) -> Mapping[str, str]:
    """What two equal runs share: seed, versions, hashes, checks of the numbers."""
    study, record = case.study, case.run.record
    versions = ", ".join(f"{name} {text}" for name, text in sorted(record["versions"].items()))
    return {
        "seed": str(study.seed),
        "study": Path(study.file).name,
        "patients": str(study.patients),
        "homing": __version__,
        "model_hash": case.simulator.compiled.system.fingerprint,
        "versions": versions,
        "machine": f"{platform.system()} {platform.machine()}",
        "acceptance": f"{100 * case.run.acceptance:.1f} %",
        **_numerics(record["numerics"]),
        **dict(sorted(record["files"].items())),
    }


def _numerics(record: Mapping[str, Any]) -> dict[str, str]:
    """The checks of the run's numbers, a row each."""
    complete, tolerance = record["complete"], record["tolerance"]
    rows = {
        "complete": "; ".join(f"{place}: {share}" for place, share in sorted(complete.items())),
        "balance": f"{record['cells in and out, relative error']:.1e}",
        "tolerance": f"{tolerance['shift']:.2g} ({tolerance['patients']}, rtol {tolerance['rtol']:.0e})",
    }
    gone = {place: found for place, found in record["extinct"].items() if found["patients"]}
    if gone:
        rows["extinct"] = "; ".join(
            f"{place}: {found['patients']}/{found['of']}, {found['median day'] / DAYS_PER_WEEK:.0f}"
            for place, found in sorted(gone.items())
        )
    if record["failed"]:
        rows["failed"] = "; ".join(f"{row['where']}: {row['patient']} ({row['status']})" for row in record["failed"])
    return rows


def run_warnings(case: Case) -> list[Text]:
    """What was chosen for the user, and patients whose simulation failed."""
    weighted = notes_on_weights(case.run.record.get("weighting", {}))
    notes = (*case.study.notes, *notes_on(case.run.record["numerics"]), *weighted)
    found: list[Text] = [Verbatim(note, note.zh) for note in notes]
    for place, counts in sorted(case.run.record["statuses"].items()):
        for name, n in counts.items():
            status = Status[name.upper()]
            if status.has_failed:
                values = {"n": n, "all": case.study.patients, "place": place, "reason": Verbatim(status.sentence)}
                found.append(Message("warning.failed", values))
    return found
