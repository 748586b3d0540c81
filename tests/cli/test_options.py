"""What all commands share: seeds, places to write to, stopping, options by another name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from homing.cli import main as command_line
from homing.ground.keys import LARGEST_SEED
from homing.study import resolve

STUDY = "examples/admire-cd.yaml"


def commands() -> Iterator[tuple[list[str], Any]]:
    """Every command with the words that call it."""

    def below(command: Any, words: list[str]) -> Iterator[tuple[list[str], Any]]:
        for name, each in getattr(command, "commands", {}).items():
            yield from below(each, [*words, name])
        if not hasattr(command, "commands"):
            yield words, command

    yield from below(typer.main.get_command(command_line.app), [])


def calls(option: str) -> list[list[str]]:
    """Every command that has an option, with something in the place of what it can't do without."""
    found = []
    for words, command in commands():
        if any(option in parameter.opts for parameter in command.params):
            needed: list[str] = []
            for parameter in command.params:
                if parameter.required and option not in parameter.opts:
                    needed += [*([] if parameter.param_type_name == "argument" else [parameter.opts[0]]), "1"]
            found.append([*words, *needed])
    return found


def refusal(*arguments: str) -> str:
    result = CliRunner().invoke(command_line.app, list(arguments))
    assert getattr(result.exception, "exit_code", None) == 2, (arguments, result.output)
    return str(result.exception)


@pytest.mark.parametrize("call", calls("--seed"), ids=" ".join)
@pytest.mark.parametrize("seed", ["-1", str(LARGEST_SEED + 1), "1.5", "x"])
def test_a_seed_that_no_study_takes_is_refused_by_every_command_that_has_one(call: list[str], seed: str) -> None:
    assert refusal(*call, "--seed", seed).startswith("--seed: ")


def test_commands_that_draw_have_a_seed() -> None:
    assert {"run", "calibrate", "replay", "simulate", "match"} <= {call[0] for call in calls("--seed")}


@pytest.mark.parametrize("call", calls("--out"), ids=" ".join)
@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_place_to_write_to_is_refused_by_every_command_that_has_one(call: list[str], name: str) -> None:
    assert refusal(*call, "--out", name).startswith("--out: is empty")


@pytest.mark.parametrize("option", ["--runs", "--folder", "--template"])
def test_so_is_an_empty_place_to_read_from(option: str) -> None:
    assert calls(option)
    for call in calls(option):
        assert refusal(*call, option, "").startswith(f"{option}: is empty")


@pytest.mark.parametrize(
    ("call", "meant"),
    [
        (["run", STUDY, "--runs", "x"], "--out"),
        (["run", STUDY, "--output", "x"], "--out"),
        (["credibility", STUDY, "--folder", "x"], "--out"),
        (["replay", "--language", "zh"], "--lang"),
        (["run", STUDY, "--jobs", "2"], "--threads"),
        (["run", STUDY, "--patient", "2"], "--patients"),
    ],
)
def test_an_option_by_another_name_is_refused_with_the_name_it_has_here(call: list[str], meant: str) -> None:
    result = CliRunner().invoke(command_line.app, call)
    assert result.exit_code == 2
    assert meant in result.stderr.splitlines()[-1]


def test_where_no_option_has_the_meaning_none_is_named() -> None:
    assert "Possible" not in CliRunner().invoke(command_line.app, ["check", STUDY, "--runs", "x"]).stderr


@pytest.mark.parametrize("command", ["check", "run", "credibility", "compare"])
def test_ctrl_c_while_a_command_gets_ready_says_that_it_stopped(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*given: object, **more: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(resolve, "read_study", stopped)
    result = CliRunner().invoke(command_line.app, [command, STUDY])
    assert result.exit_code == 130
    assert result.stderr == "homing: stopped.\n"
