"""`homing replay`: published results beside ours."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.options import place, seed_option
from homing.cli.tables import print_table

if TYPE_CHECKING:
    from homing.credibility.replays.content import Compared, Replay, Replayed
    from homing.report.words import Words


def replay(
    key: Annotated[str | None, typer.Argument(help="One replay; without it (and --all) they are listed.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Run every replay.")] = False,
    patients: Annotated[int | None, typer.Option(min=100, max=1_000_000, help="Virtual patients; 2000 if none.")] = (
        None
    ),
    seed: Annotated[int | None, seed_option("Seed of the virtual patients; 2026 if none.")] = None,
    lang: Annotated[str, typer.Option(help="en or zh.")] = "en",
    out: Annotated[Path | None, place("Folder that gets replays.md and the pictures.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; the result doesn't depend on it.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Published results computed again: as printed, ours, how far apart they may be, and whether they agree.

    A replay of what values were set to checks consistency; only one of what was held out is a test.

    Examples: homing replay

              homing replay burt-2010 --lang zh

              homing replay --all --out replays
    """
    from homing.credibility.replays.read import replay as read
    from homing.credibility.replays.read import replays
    from homing.ground.errors import StudyError
    from homing.report.words import Words

    words = Words(lang)
    if key and all_:
        raise StudyError("name one replay or give --all, not both.")
    if key is None and not all_:
        _list(replays(), words, as_json)
        return
    chosen = (read(key),) if key else replays()
    results = _run(chosen, patients, seed, threads, show=not quiet and not as_json)
    files: list[Path] = []
    if out is not None:
        from homing.report.replay_page import save

        files = save(results, out, words)
    if as_json:
        content = [_plain(found, words) for found in results]
        typer.echo(json.dumps({"replays": content, "files": [str(f) for f in files]}, ensure_ascii=False, indent=1))
        return
    for found in results:
        _print(found, words)
    for file in files:
        typer.echo(words.key("replay.written", file=str(file)))


def _run(
    chosen: tuple[Replay, ...], patients: int | None, seed: int | None, threads: int | None, *, show: bool
) -> list[Replayed]:
    from homing.cli.progress import progress
    from homing.credibility.replays.run import PATIENTS, SEED, run_replay, steps_of
    from homing.evidence.store import load_store
    from homing.study.run import available_threads

    store = load_store()
    total = sum(1 + steps_of(one, store) for one in chosen)
    done = 0
    with progress(show) as bar:

        def step() -> None:
            nonlocal done
            done += 1
            bar("replay", done, total)

        results = []
        for one in chosen:
            results.append(
                run_replay(
                    one,
                    store,
                    patients=PATIENTS if patients is None else patients,
                    seed=SEED if seed is None else seed,
                    threads=threads or available_threads(),
                    step=step,
                )
            )
            step()
    return results


def _list(found: tuple[Replay, ...], words: Words, as_json: bool) -> None:
    from homing.credibility.replays.run import uses_of
    from homing.evidence.store import load_store
    from homing.report.replay_page import used

    store = load_store()
    uses = {one.key: uses_of(one, store) for one in found}
    if as_json:
        rows = [{"key": r.key, "kind": r.kind, "name": r.name, "used for": uses[r.key]} for r in found]
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    heads = ("key", "name", "kind", "used")
    print_table(
        [words.key(f"replay.head.{head}") for head in heads],
        [
            [
                one.key,
                one.name[words.language],
                words.key(f"replay.kind.{one.kind}"),
                " / ".join(used(use, words) for use in uses[one.key]),
            ]
            for one in found
        ],
    )


def _print(found: Replayed, words: Words) -> None:
    from homing.report.replay_page import HEADS, cells, remarks

    typer.echo(f"{found.replay.name[words.language]}\n{found.replay.what[words.language]}")
    print_table([words.key(f"replay.head.{head}") for head in HEADS], [cells(row, words) for row in found.rows])
    for remark in remarks(found, words):
        typer.echo(remark)
    typer.echo("")


def _plain(found: Replayed, words: Words) -> dict[str, Any]:
    return {
        "replay": found.replay.key,
        "kind": found.replay.kind,
        "name": found.replay.name[words.language],
        "patients": found.patients,
        "seed": found.seed,
        "scenario": found.scenario,
        "agree": found.agreeing,
        "rows": [_plain_row(row, words) for row in found.rows],
    }


def _plain_row(row: Compared, words: Words) -> dict[str, Any]:
    tolerance = row.tolerance
    return {
        "number": row.label[words.language],
        "unit": row.unit,
        "as printed": row.as_printed,
        "also printed": row.also,
        "compared with": row.against,
        "counts": row.counts,
        "derived": row.derived,
        "is computed": row.is_computed,
        "low": row.low,
        "high": row.high,
        "ours": row.ours,
        "ours low": None if math.isnan(row.ours_low) else row.ours_low,
        "ours high": None if math.isnan(row.ours_high) else row.ours_high,
        "monte carlo error": row.error,
        "agrees": row.agrees,
        "too small to tell": row.is_weak,
        "is arithmetic": row.is_arithmetic,
        "used for": row.used_for,
        "tolerance": tolerance.kind if tolerance is not None else "",
        "because": tolerance.because[words.language] if tolerance is not None else "",
        "sources": row.sources,
        "at": row.at,
    }
