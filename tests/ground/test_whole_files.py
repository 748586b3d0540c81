"""Files appear whole or not at all, and what killed processes leave behind goes with the next write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from homing.ground import whole_files
from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder, whole_file

KILLED = """
import os, signal, sys
from pathlib import Path
from homing.ground.whole_files import whole_file
with whole_file(Path(sys.argv[1])) as half:
    half.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def parts(folder: Path) -> list[str]:
    return [file.name for file in folder.iterdir() if file.name.endswith(".part")]


@pytest.mark.skipif(os.name == "nt", reason="asks whether a process is running")
def test_the_part_of_a_killed_process_is_gone_after_the_next_write(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "a.svg")], check=False)
    assert parts(tmp_path) and not (tmp_path / "a.svg").exists()
    with whole_file(tmp_path / "another.svg") as half:
        half.write_text("whole")
    assert [file.name for file in tmp_path.iterdir()] == ["another.svg"]


def test_the_part_of_a_process_at_work_here_or_on_another_machine_stays(tmp_path: Path) -> None:
    with whole_file(tmp_path / "first") as outer:
        away = tmp_path / f".x.abc.{'0' * 8}-999999999.part"
        away.write_text("another machine's")
        with whole_file(tmp_path / "second") as inner:
            inner.write_text("2")
        assert outer.exists() and away.exists()
        outer.write_text("1")
    assert (tmp_path / "first").read_text() == "1"
    month_ago = away.stat().st_mtime - 30 * 86400
    os.utime(away, (month_ago, month_ago))
    with whole_file(tmp_path / "third"):
        pass
    assert not away.exists()


def test_a_file_of_the_users_own_that_ends_alike_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".film.part").write_text("mine")
    with whole_file(tmp_path / "a"):
        pass
    assert (tmp_path / ".film.part").read_text() == "mine"


def test_a_folder_that_is_a_file_or_takes_no_files_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(StudyError, match="--out") as caught:
            make_folder(place)
        assert caught.value.where == str(place)

    def refused(dir: Path) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(whole_files.tempfile, "TemporaryFile", refused)
    with pytest.raises(StudyError, match="can't be written to") as caught:
        make_folder(tmp_path)
    assert caught.value.where == str(tmp_path)
