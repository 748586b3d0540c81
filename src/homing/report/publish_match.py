"""From a table of patients to a report that ranks cell products for each of them."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homing import __version__
from homing.answers.content import Message
from homing.answers.evidence_of import Known
from homing.answers.match_chapters import answer, chapter, option_name, rule_of_thumb, summary, sureness
from homing.answers.matching import CENTRAL, DRAWN, KEPT, Match, Option, match, weights
from homing.evidence.sources import load_sources
from homing.evidence.store import load_store
from homing.ground.keys import draw_seed
from homing.ground.whole_files import make_folder
from homing.patients.posterior import posterior
from homing.report import html
from homing.report.document import Document, ParameterRow
from homing.report.words import Words
from homing.study import folder as folders
from homing.study.case_file import read_cases
from homing.study.run import Progress, available_threads

REPORT, RESULTS = "match.html", "match.json"


@dataclass(frozen=True)
class Matched:
    """All patients matched, with the report."""

    matches: tuple[Match, ...]
    report: Path
    language: str
    seed: int

    def as_text(self) -> str:
        """For each patient the rule of thumb and the model's answer."""
        words = Words(self.language)
        lines = []
        for found in self.matches:
            thumb = rule_of_thumb(found)
            said = words(thumb if isinstance(thumb, Message) else thumb.message)
            lines += [found.case.name, f"  {said}", f"  {words(answer(found).message)}"]
        return "\n".join([*lines, words.key("told.report", path=str(self.report)), words.key("footer.research")])

    def as_json(self) -> str:
        """Every patient's ranking as JSON."""
        words = Words(self.language)
        content = {
            "report": str(self.report),
            "seed": self.seed,
            "patients": [_as_plain(found, words) for found in self.matches],
        }
        return json.dumps(content, ensure_ascii=False, indent=1)


def match_patients(
    path: Path | str,
    out: Path | str = "matches",
    *,
    seed: int | None = None,
    language: str = "en",
    threads: int | None = None,
    progress: Progress = lambda step, done, total: None,
) -> Matched:
    """Rank cell products for each patient of a table and write the report. Raises: StudyError for a faulty table."""
    words = Words(language)
    cases = read_cases(path)
    number = draw_seed() if seed is None else seed
    folder = Path(out) / folders.folder_name(Path(path).stem, folders.short_hash([repr(cases), number, __version__]))
    make_folder(folder)
    store = load_store()
    matches = []
    for k, case in enumerate(cases):
        progress("match", k, len(cases))
        matches.append(match(case, store, number, threads or available_threads()))
    document = make_document(matches, Path(path).name, folder.name, number)
    report = html.save(document, folder, language, timings=False, name=REPORT)
    found = Matched(tuple(matches), report, words.language, number)
    folders.write_text(folder / RESULTS, found.as_json() + "\n")
    progress("match", len(cases), len(cases))
    return found


def make_document(matches: Sequence[Match], file: str, run_id: str, seed: int) -> Document:
    """The whole report as data: a summary, then a chapter for each patient."""
    rows = [ParameterRow(f"net-benefit.{name}", Message("match.weight"), value) for name, value in weights().items()]
    return Document(
        title=Message("match.report-title"),
        question=Message("match.report-question"),
        candidate=Message("match.candidates"),
        population=Message("match.patients", {"n": len(matches), "kept": KEPT, "drawn": DRAWN}),
        run_id=run_id,
        headline=[summary(matches)],
        chapters=[chapter(k + 1, found) for k, found in enumerate(matches)],
        parameters=rows,
        sources=load_sources(),
        run={
            "seed": str(seed),
            "study": file,
            "patients": str(KEPT),
            "homing": __version__,
            "machine": f"{platform.system()} {platform.machine()}",
        },
        exploratory=True,
        uncalibrated=posterior().provisional,
        kind="match",
    )


def _as_plain(found: Match, words: Words) -> dict[str, object]:
    thumb = rule_of_thumb(found)
    return {
        "patient": found.case.name,
        "population": found.population,
        "rule_of_thumb": words(thumb if isinstance(thumb, Message) else thumb.message),
        "answer": words(answer(found).message),
        "options": [_plain_option(option, found.rank(option), words) for option in found.options],
    }


def _plain_option(option: Option, rank: int, words: Words) -> dict[str, object]:
    return {
        "rank": rank,
        "key": option.key,
        "name": words(option_name(option)),
        "net_benefit": {"central": option.net[CENTRAL], "low": option.low, "high": option.high},
        "probability_of_best": None if math.isnan(option.probability) else option.probability,
        "deaths": None if option.deaths is None else option.deaths.value,
        "how_sure": sureness(option),
        "exploratory": option.is_exploratory,
        "standing": option.standing,
        "evidence": None if option.known is None else _plain_evidence(option.known),
    }


def _plain_evidence(known: Known) -> dict[str, object]:
    p = known.pooled
    return {
        "verdict": known.verdict,
        "randomised": len(known.randomised),
        "controlled": [c.trial.key for c in known.controlled],
        "uncontrolled": len(known.alone),
        "difference": None if p is None else {"value": p.estimate, "low": p.low, "high": p.high},
        "risk_of_bias": dict(known.bias),
    }
