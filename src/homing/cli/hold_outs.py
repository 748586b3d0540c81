"""`homing credibility` without a study: how the posterior that ships predicted trials that it had not seen."""

from __future__ import annotations

from pathlib import Path

import typer

from homing.cli.notes import provisional


def show_hold_outs(language: str, out: Path | None, *, as_json: bool = False) -> None:
    """Print the hold-out table, coverage and totals; with `out`, write the page with its pictures there.

    Raises: EvidenceError where no posterior ships, StudyError where `out` can't be written.
    """
    import json

    from homing.cli.calibrate_print import print_verdict
    from homing.credibility.shipped import shipped_verdict
    from homing.report.words import Words

    told, words = shipped_verdict(), Words(language)
    for note in provisional(language):
        typer.echo(f"homing: {note}", err=True)
    files: list[Path] = []
    if out is not None:
        from homing.evidence.store import load_store
        from homing.report.credibility_page import save

        files = save(out, load_store(), words)
    if as_json:
        typer.echo(json.dumps({**told, "files": [str(f) for f in files]}, ensure_ascii=False, indent=1))
        return
    print_verdict(told, language)
    for file in files:
        typer.echo(words.key("credibility.written", file=str(file)))
