"""The main job from the command line: files, headline, refusals, interruption, and texts that try to be markup."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homing.cli import main as command_line
from homing.report import publish as publishing

ROOT = Path(__file__).parents[2]
SMALL = """
homing: 1
study: "{title}"
question: "{title}"
population: luminal-cd-moderate-severe
patients: 20
scenarios: [pooled]
visits: [week 0, week 6]
arms:
  cells:
    label: {{en: "{title}", zh: "{title}"}}
    courses: [{{give: ours, route: intravenous, dose: 1e6 cells/kg, at: week 0}}]
  nothing: {{untreated: yes}}
candidate: cells
control: nothing
products:
  ours:
    like: umbilical-cord-msc
    name: {{en: "{title}", zh: "{title}"}}
    lot: {{id: "{title}", viability: 90 %, source: "{title}"}}
primary: {{endpoint: cdai-remission, at: week 6}}
"""


def homing(*arguments: object) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "homing.cli.main", *map(str, arguments)]
    return subprocess.run(given, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONUTF8": "1"})


def small(folder: Path, title: str = "A small study", seed: bool = True) -> Path:
    file = folder / "small.yaml"
    text = SMALL.format(title=title)
    file.write_text(text + ("seed: 3\n" if seed else ""), encoding="utf-8")
    return file


def run(*arguments: object) -> object:
    return CliRunner().invoke(command_line.app, ["run", *map(str, arguments)])


def test_the_main_job_leaves_its_files_and_tells_the_headline(tmp_path: Path) -> None:
    result = run(small(tmp_path), "--out", tmp_path / "runs", "--json")
    assert result.exit_code == 0, result.output  # type: ignore[attr-defined]
    told = json.loads(result.stdout)  # type: ignore[attr-defined]
    folder = Path(told["folder"])
    names = {"report.html", "results.parquet", "trajectories.parquet", "ledger.csv", "study.resolved.yaml", "run.json"}
    assert {p.name for p in folder.iterdir()} == names
    assert told["seed"] == 3 and told["headline"] and told["observed"]


def test_the_same_run_in_the_other_language_writes_only_the_report_again(tmp_path: Path) -> None:
    file = small(tmp_path)
    first = json.loads(run(file, "--out", tmp_path / "runs", "--json").stdout)  # type: ignore[attr-defined]
    second = json.loads(run(file, "--out", tmp_path / "runs", "--json", "--lang", "zh").stdout)  # type: ignore[attr-defined]
    assert second["folder"] == first["folder"] and second["reused"]
    assert '<html lang="zh-CN"' in Path(second["report"]).read_text(encoding="utf-8")


def test_reports_of_equal_runs_are_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    file = small(tmp_path)
    pages = []
    for n in (1, 2):
        told = json.loads(run(file, "--out", tmp_path / str(n), "--json", "--threads", n).stdout)  # type: ignore[attr-defined]
        pages.append(Path(told["report"]).read_bytes())
    again = json.loads(run(file, "--out", tmp_path / "1", "--json").stdout)  # type: ignore[attr-defined]
    assert again["reused"]
    assert pages[0] == pages[1] == Path(again["report"]).read_bytes()


@pytest.mark.parametrize(
    "title", ["<script>alert(1)</script>", "</title><img src=x onerror=alert(1)>", "{{ 7*7 }} {arm} &amp;", "a'b]]>"]
)
def test_texts_of_a_study_are_shown_and_never_become_markup(tmp_path: Path, title: str) -> None:
    told = json.loads(run(small(tmp_path, title), "--out", tmp_path / "runs", "--json").stdout)  # type: ignore[attr-defined]
    page = Path(told["report"]).read_text(encoding="utf-8")
    assert "<script" not in page.lower()
    assert "<img" not in page.lower()
    assert "49 {arm}" not in page


def test_bad_input_ends_with_2_names_the_place_and_shows_no_traceback(tmp_path: Path) -> None:
    file = small(tmp_path)
    file.write_text(file.read_text().replace("umbilical-cord-msc", "umbilical-cord-msk"), encoding="utf-8")
    done = homing("run", file, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert "small.yaml:" in done.stderr and "umbilical-cord-msc" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    done = homing("run", small(tmp_path), "--out", tmp_path / "runs")
    assert done.returncode == 2 and "runs" in done.stderr and "Traceback" not in done.stderr


def test_ctrl_c_says_how_to_go_on_with_the_seed_that_was_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(publishing, "publish", stopped)
    monkeypatch.setattr(sys, "argv", ["homing", "run", "small.yaml"])
    result = run(small(tmp_path, seed=False), "--out", tmp_path / "runs")
    assert result.exit_code == 130  # type: ignore[attr-defined]
    assert "go on with" in result.stderr and "--seed" in result.stderr  # type: ignore[attr-defined]


def test_importing_homing_is_light() -> None:
    code = "import sys, homing; print(sorted(m for m in ('numpy', 'pandas', 'sympy', 'numba') if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", [[], ["run"], ["check"], ["evidence"], ["evidence", "pool"], ["catalog"], ["schema"]]
)
def test_every_command_has_help(command: list[str]) -> None:
    result = CliRunner().invoke(command_line.app, [*command, "--help"])
    assert result.exit_code == 0 and result.stdout
    if command in (["run"], ["check"], ["evidence", "pool"]):
        assert "Example" in result.stdout
