"""Kernels are kept on disk; nothing about the disk can break a run."""

import pytest
from engine_systems import DRUG, Drug

from homing.engine import compile_system
from homing.ground.cache import cache_folder
from homing.mechanism import assemble
from homing.protocol.events import Events


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMING_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "kernels"


def compile_drug(outputs=("concentration",), varying=()):
    compiled = compile_system(assemble(Drug()), outputs, varying)
    run = compiled.run([0.0, 100.0], DRUG, Events.none(1), [10], rtol=1e-8)
    return compiled.kernel.from_cache, run.values[0, 0, 0]


def test_the_second_compilation_is_read_from_disk(folder):
    first, second = compile_drug(), compile_drug()
    assert (first[0], second[0]) == (False, True)
    assert first[1] == second[1] == pytest.approx(3.67879, abs=1e-5)
    assert len(list(folder.iterdir())) == 1  # no temporary file is left


def test_other_outputs_or_varying_parameters_are_another_kernel(folder):
    compile_drug()
    assert not compile_drug(outputs=("drug.central",))[0]
    assert not compile_drug(varying=("drug.k_leave",))[0]
    assert len(list(folder.iterdir())) == 3


@pytest.mark.parametrize("damage", [b"", b"not an object file", None])
def test_a_damaged_file_is_compiled_again_and_repaired(folder, damage):
    expected = compile_drug()[1]
    (file,) = folder.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[:-100] + content[-99:] if damage is None else damage)
    assert compile_drug() == (False, expected)
    assert compile_drug() == (True, expected)


def test_a_folder_that_cannot_be_made_does_not_matter(tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("HOMING_CACHE", str(tmp_path / "cache"))
    assert not compile_drug()[0]
    assert not compile_drug()[0]


def test_the_cache_is_where_the_user_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOMING_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("HOMING_CACHE")
    assert cache_folder().name in ("homing", "Homing")
