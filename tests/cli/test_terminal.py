"""Every text is shown on any terminal: Chinese Windows (GBK), Western Europe, a system without a locale."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

GBK = {"PYTHONIOENCODING": "gbk"}
WESTERN = {"PYTHONIOENCODING": "cp1252"}
ASCII = {"PYTHONIOENCODING": "ascii"}
NO_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def homing(setting: dict[str, str], *arguments: str) -> bytes:
    unset = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHONIO", "PYTHONUTF8", "LC_", "LANG"))}
    given = [sys.executable, "-m", "homing.cli.main", *arguments]
    done = subprocess.run(given, capture_output=True, check=False, env=unset | setting)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("setting", "encoding"), [(GBK, "gbk"), (WESTERN, "cp1252"), (ASCII, "utf-8"), (NO_LOCALE, "utf-8")]
)
@pytest.mark.parametrize("arguments", [["credibility", "--lang", "zh"], ["replay"]], ids=" ".join)
def test_tables_are_printed_whatever_the_encoding_lacks(
    setting: dict[str, str], encoding: str, arguments: list[str]
) -> None:
    assert len(homing(setting, *arguments).decode(encoding).splitlines()) > 10


def test_a_chinese_console_shows_the_chinese_and_a_plain_minus_for_the_sign_that_it_lacks() -> None:
    shown = homing(GBK, "credibility", "--lang", "zh").decode("gbk")
    assert "达伐司特罗" in shown
    assert "\\u" not in shown and "?" not in shown
    with pytest.raises(UnicodeEncodeError):
        "−".encode("gbk")
    assert "-4.4" in shown, "a log score, whose minus sign GBK has not"


def test_json_reads_back_the_same_whatever_the_encoding_lacks() -> None:
    arguments = ["replay", "--json", "--lang", "zh"]
    assert json.loads(homing(WESTERN, *arguments).decode("cp1252")) == json.loads(homing(ASCII, *arguments))


DROPPED = """
import gc, sys, time
from homing.cli import main
from homing.study import resolve

def read(*given, **more):
    class Dropped:
        def __del__(self):
            raise KeyboardInterrupt
    Dropped()
    gc.collect()
    for _ in range(400):
        time.sleep(0.05)
    raise SystemExit("it went on")

resolve.read_study = read
sys.argv = ["homing", "check", "study.yaml"]
main.main()
"""


def test_ctrl_c_stops_even_where_python_drops_it() -> None:
    done = subprocess.run([sys.executable, "-c", DROPPED], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "homing: stopped.\n")
