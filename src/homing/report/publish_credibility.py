"""From a study file to its credibility record: the plan before a run, the report after it, beside each other."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from homing import __version__
from homing.answers.case import label_of, name_of
from homing.answers.content import Finding, Message, Text, Verbatim
from homing.answers.recording.chapters import altered_files, chapters, headline
from homing.answers.recording.evidence import tip_cells
from homing.answers.recording.gather import Recorded, after, before
from homing.answers.sensitivity import sensitivity, tipping
from homing.biology.ibd import ibd_system
from homing.credibility.record.owner import claim
from homing.credibility.record.plan import read_plan, record_folder, relied_of, write_plan
from homing.credibility.tipping import Tip
from homing.evidence.sources import load_sources
from homing.ground.errors import StudyError
from homing.ground.plain import finite
from homing.patients.population import population
from homing.patients.posterior import posterior
from homing.report import html
from homing.report.appendix import cited_sources, parameter_rows
from homing.report.document import Document
from homing.report.publish import case_of, run_record, run_warnings
from homing.report.word import save_word
from homing.report.words import Words
from homing.study import folder as folders
from homing.study.plan import Study
from homing.study.run import Progress, Run, find_run, run_digest

#: How a record may be written.
FORMATS = ("html", "docx")
#: Where `homing run` leaves runs unless it is told otherwise.
RUNS = "runs"


@dataclass(frozen=True)
class Written:
    """A record that was written: its file, and what is told of it."""

    recorded: Recorded
    file: Path
    language: str

    def as_text(self) -> str:
        """What it comes to, and where it is."""
        words = Words(self.language)
        told = [block.message if isinstance(block, Finding) else block for block in headline(self.recorded)]
        lines = [words(message) for message in told]
        altered = altered_files(self.recorded)
        lines += [words(altered)] if altered is not None else []
        plan = self.recorded.record.plan
        if not self.recorded.record.is_report and plan is not None:
            lines.append(words.key("record.told-plan", hash=plan.hash))
        return "\n".join([*lines, words.key("record.told-file", path=str(self.file)), words.key("footer.research")])

    def as_json(self) -> str:
        """The record as JSON; a number that is none is null."""
        content = {"file": str(self.file), **self.recorded.record.as_plain()}
        return json.dumps(finite(content), ensure_ascii=False, indent=1)


def write_record(
    study: Study,
    out: Path | str = "credibility",
    *,
    runs: Path | str | None = None,
    kind: str = "",
    form: str = "html",
    threads: int | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Written:
    """Write the record of a study, in its language, into `out/<study>/`.

    Arguments: `runs` where its finished run is looked for, by its hash ('runs' when None); `kind` 'plan', 'report' or
    '' (the report where there is a finished run, else the plan); `form` 'html' or 'docx'.
    Raises: StudyError where the study has no `credibility` section, a report is asked for without a finished run,
    `runs` is named and is no folder (unless a plan is asked for), the run's files can't be read, or the record's folder
    holds that of another study file.
    """
    relied_of(study)
    if form not in FORMATS:
        raise StudyError(f"there is no format '{form}'. Write html or docx.", "--format")
    finished = finished_run(study, runs) if kind == "report" else None
    if not kind:
        finished = _look_for_run(study, runs)
    folder = record_folder(study, out)
    claim(folder, study)
    if finished is None:
        recorded = before(study, write_plan(study, folder))
        return _save(recorded, _plan_document(recorded), folder, "plan", form)
    case = case_of(study, finished, threads)
    recorded = after(replace(case, progress=progress), read_plan(folder))
    return _save(recorded, _report_document(recorded, finished), folder, "report", form)


def finished_run(study: Study, runs: Path | str | None = None) -> Run:
    """The finished run of a study in a folder of runs, 'runs' when None. Raises: StudyError where there is none."""
    found = _look_for_run(study, runs)
    if found is None:
        raise StudyError(
            f"there is no finished run of this study in '{runs or RUNS}'. Run it first: homing run {study.file}, with "
            "the same --patients and --seed.",
            study.file,
        )
    return found


def _look_for_run(study: Study, runs: Path | str | None) -> Run | None:
    """The same, None where there is none. Raises StudyError for a folder that is named and not there."""
    place = Path(runs or RUNS)
    if not place.is_dir() and (runs is not None or place.exists()):
        what = "is a file, and a folder of runs is wanted" if place.exists() else "there is no such folder of runs"
        raise StudyError(
            f"{what}. Name the one that was given to `homing run --out`, or write the plan with --plan.", str(place)
        )
    return find_run(study, place)


def tipping_text(study: Study, finished: Run, threads: int | None, as_json: bool) -> str:
    """The tipping points of a study's answer alone, as text or JSON."""
    relied_of(study)
    found = tipping(case_of(study, finished, threads))
    words = Words(study.language)
    if as_json:
        rows = [{"value": words(name), **vars(tip), "tips": tip.tips} for name, tip in found]
        return json.dumps(finite(rows), ensure_ascii=False, indent=1)
    return "\n".join(_told(name, tip, words) for name, tip in found)


def _told(name: Text, tip: Tip, words: Words) -> str:
    return words.key("record.told-tip", name=name, at=tip_cells(tip)[1])


def _save(recorded: Recorded, document: Document, folder: Path, stem: str, form: str) -> Written:
    language = recorded.study.language
    save: Callable[..., Path] = html.save if form == "html" else save_word
    more = {"timings": False} if form == "html" else {}
    file = save(document, folder, language, name=f"{stem}.{form}", **more)
    written = Written(recorded, file, language)
    if recorded.record.is_report:
        folders.write_text(folder / "report.json", written.as_json() + "\n")
    return written


def _plan_document(recorded: Recorded) -> Document:
    study = recorded.study
    plan = recorded.record.plan
    run = {
        "seed": str(study.seed),
        "study": Path(study.file).name,
        "patients": str(study.patients),
        "homing": __version__,
        "model_hash": ibd_system().fingerprint,
        "study_hash": run_digest(study),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    return Document(
        title=Message("record.title-plan", {"study": Verbatim(study.title)}),
        question=Verbatim(recorded.record.relied.question),
        candidate=label_of(study.arms[study.candidate]),
        population=name_of(population(study.population).name),
        run_id="–" if plan is None else plan.hash,
        headline=headline(recorded),
        chapters=chapters(recorded),
        sources=load_sources(),
        run=run,
        warnings=[Verbatim(note, note.zh) for note in study.notes],
        limits=[Verbatim(limit, limit.zh) for limit in study.limits],
        uncalibrated=posterior().provisional,
        kind="record",
    )


def _report_document(recorded: Recorded, finished: Run) -> Document:
    study, case = recorded.study, recorded.case
    if case is None:
        raise StudyError("a report needs a finished run.", study.file)
    return Document(
        title=Message("record.title-report", {"study": Verbatim(study.title)}),
        question=Verbatim(recorded.record.relied.question),
        candidate=label_of(case.candidate),
        population=name_of(case.simulator.population.name),
        run_id=finished.id,
        headline=headline(recorded),
        chapters=chapters(recorded),
        parameters=parameter_rows(case),
        sources=cited_sources(case),
        run=run_record(case),
        warnings=run_warnings(case),
        limits=[Verbatim(limit, limit.zh) for limit in study.limits],
        uncalibrated=posterior().provisional,
        exploratory=sensitivity(case).exploratory,
        kind="record",
    )
