"""What the model must not be asked is refused by name, with a reason and what to ask instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from homing.evidence.catalogue import names
from homing.ground.errors import StudyError
from homing.patients.population import Distribution, population
from homing.study.context import limits
from homing.study.resolve import read_study

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
STUDY = (Path(__file__).parents[2] / "examples" / "admire-cd.yaml").read_text(encoding="utf-8")


def written(folder: Path, **lines: str) -> Path:
    """The example with other top-level lines."""
    text = "\n".join(line for line in STUDY.splitlines() if line.split(":")[0] not in lines)
    file = folder / "study.yaml"
    file.write_text(text + "\n" + "\n".join(f"{key}: {line}" for key, line in lines.items()) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize("file", EXAMPLES, ids=lambda f: f.stem)
def test_no_example_is_outside(file: Path) -> None:
    assert read_study(file).limits == ()


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("Does darvadstrocel close fistulas in paediatric Crohn's disease?", "children"),
        ("儿童克罗恩病肛周瘘", "children"),
        ("Cells in pregnant women", "pregnancy"),
        ("Cells for stricturing disease", "stricture"),
        ("Cells for patients with an abscess", "active-infection"),
        ("Cells after colorectal cancer", "malignancy"),
        ("Cells in chronic pouchitis", "pouch"),
        ("Cells for a rectovaginal fistula", "enterovaginal"),
        ("Cells in multiple sclerosis", "other-disease"),
        ("Is secukinumab better than cells?", "anti-il-17"),
        ("Cells in toxic megacolon", "emergency"),
        ("Should I take these cells?", "single-patient"),
    ],
)
def test_a_question_outside_is_refused_by_name(question: str, key: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=rf"outside what this model may be asked \({key}: .*Instead, "):
        read_study(written(tmp_path, question=f'"{question}"'))


@pytest.mark.parametrize(
    "question",
    [
        "Adults without stricture, abscess or cancer",
        "Adults, children excluded",
        "Strictures were not allowed",
        "Patients with no history of malignancy",
        "After failure of antibodies against tumour necrosis factor",
        "排除狭窄与脓肿",
    ],
)
def test_what_is_left_out_is_not_asked_for(question: str, tmp_path: Path) -> None:
    assert read_study(written(tmp_path, question=f'"{question}"')).limits == ()


def test_eligibility_is_read_and_kept(tmp_path: Path) -> None:
    study = read_study(written(tmp_path, eligibility="[adults, no abscess at baseline]"))
    assert study.explicit["eligibility"] == ["adults", "no abscess at baseline"]
    with pytest.raises(StudyError, match=r"eligibility.*'ileostomy' is outside"):
        read_study(written(tmp_path, eligibility="[adults with an ileostomy]"))


def test_a_thing_told_in_part_is_a_warning_in_both_languages(tmp_path: Path) -> None:
    (limit,) = read_study(written(tmp_path, eligibility="[also with arthritis]")).limits
    assert "manifestations outside the gut" in limit
    assert "肠外表现" in limit.zh


def test_a_population_younger_than_18_is_outside() -> None:
    adults = population("perianal-fistula-refractory-cd")
    age = adults.distributions["age"]
    younger = Distribution(age.kind, age.centre, age.spread, None, age.high)
    from dataclasses import replace

    minors = replace(adults, distributions={**adults.distributions, "age": younger})
    (children,) = (limit for limit in limits() if limit.key == "children")
    assert children.reached_by(minors)
    assert not children.reached_by(adults)


def test_every_limit_says_why_and_what_instead_in_both_languages() -> None:
    assert {limit.key for limit in limits()} == set(names("context"))
    for limit in limits():
        assert set(limit.reason) == set(limit.instead) == set(limit.name) == {"en", "zh"}
        assert any(word.isascii() for word in limit.words) and any(not word.isascii() for word in limit.words)
