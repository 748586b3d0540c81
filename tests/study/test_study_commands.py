"""`homing check` and `homing schema`, as a script or a person runs them."""

import json

import pytest
import typer
from typer.testing import CliRunner

from homing.cli.check import check
from homing.cli.schema import schema
from homing.study.json_schema import json_schema

app = typer.Typer(pretty_exceptions_enable=False)
app.command("check")(check)
app.command("schema")(schema)
runner = CliRunner()


def run(*args):
    return runner.invoke(app, [str(arg) for arg in args], env={"COLUMNS": "200", "NO_COLOR": "1"})


def test_check_prints_arms_doses_and_the_basis_of_values(sound):
    result = run("check", sound)
    assert result.exit_code == 0, result.exception
    for part in ("Plan", "Arms", "step by step", "values stand behind this study", "in order. Run it with"):
        assert part in result.output


def test_check_shows_the_ladder_and_the_schedule():
    out = run("check", "examples/uc-iv-ucmsc.yaml").output
    for part in ("ours 1e6 cells/kg, at most 100e6 cells", "week 0, week 1, week 2, week 3", "0.88e6", "0.792e6"):
        assert part in out


def test_check_lists_values_with_their_reasons_on_request():
    plain, full = (run("check", "examples/admire-cd.yaml", *more).output for more in ((), ("--values",)))
    assert "f_local_retained" not in plain
    assert "f_local_retained" in full
    assert "assumed" in full


def test_check_as_json_is_one_object_with_the_resolved_study():
    found = json.loads(run("check", "examples/admire-cd.yaml", "--json", "--patients", 7).output)
    assert found["ok"] is True
    assert found["study"]["patients"] == 7
    assert found["study"]["resolved"]["doses"]["darvadstrocel"][0]["nominal"] == "120e6 cells"


def test_check_as_yaml_is_a_study_file_again(tmp_path):
    path = tmp_path / "resolved.yaml"
    path.write_text(run("check", "examples/treg-dose-cd.yaml", "--yaml").output, encoding="utf-8")
    assert run("check", path, "--yaml").output == path.read_text(encoding="utf-8")


def test_check_tells_what_was_chosen():
    assert "was drawn" in run("check", "tests/files/valid/smallest.yaml").output


def test_a_faulty_file_ends_check_with_its_refusal(faulty):
    result = run("check", faulty)
    assert result.exit_code != 0
    assert type(result.exception).__name__ == "StudyError"


def test_square_brackets_in_a_title_are_no_markup(admire, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(admire.replace("study: ADMIRE-CD in virtual patients", "study: '[bold]x[/] [/nothing]'"))
    assert "[bold]x[/] [/nothing]" in run("check", path).output


@pytest.mark.parametrize("to_file", [False, True])
def test_schema_prints_or_writes_the_json_schema(tmp_path, to_file):
    path = tmp_path / "homing.schema.json"
    result = run("schema", *(("--out", path) if to_file else ()))
    assert result.exit_code == 0
    assert json.loads(path.read_text(encoding="utf-8") if to_file else result.output) == json_schema()


@pytest.mark.parametrize("command", ["check", "schema"])
def test_help_holds_an_example(command):
    assert f"Example: homing {command}" in run(command, "--help").output
