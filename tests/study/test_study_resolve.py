"""A study file becomes the protocol that it describes, with defaults that are told."""

import dataclasses
import time

import pytest

from homing.evidence import catalogue
from homing.ground.errors import StudyError
from homing.protocol.product import Drug, Product
from homing.study.explicit import to_yaml
from homing.study.read import parse_study
from homing.study.resolve import DEFAULT_COMPARATOR, read_study, resolve


def same(study):
    """A study without what says how it was read: its file, the notes, and whether its seed was drawn."""
    return dataclasses.replace(study, file="", notes=(), seed_drawn=False)


def test_the_resolved_file_resolves_to_the_same_study(sound):
    study = read_study(sound)
    written = to_yaml(study)
    again = resolve(parse_study(written, "resolved.yaml"))
    assert same(again) == same(study)
    assert to_yaml(again) == written
    assert not any("resolved." in note for note in again.notes)


def test_the_resolved_file_shows_every_value_with_its_source_or_reason(sound):
    def values(node):
        if isinstance(node, dict):
            if "basis" in node:
                yield node
            else:
                for part in node.values():
                    yield from values(part)
        elif isinstance(node, list):
            for part in node:
                yield from values(part)

    resolved = read_study(sound).explicit["resolved"]
    found = list(values(resolved))
    assert len(found) > 100
    for value in found:
        assert value["basis"] in {"measured", "estimated", "assumed"}
        assert value.get("because") if value["basis"] == "assumed" else value.get("source")
    named = {value["source"] for value in found if "source" in value}
    assert {name for name in named if not name.startswith(("release certificate", "retest"))} <= set(
        resolved["sources"]
    )


def test_admire_is_read_as_the_trial_was_done(admire):
    study = resolve(parse_study(admire))
    assert (study.candidate, study.control, study.patients, study.seed) == ("darvadstrocel", "placebo", 1000, 2016)
    assert study.visits == tuple(7.0 * week for week in (0, 6, 12, 18, 24, 36, 52, 104))
    assert (study.primary.key, study.primary.time) == ("combined-remission", 168.0)
    assert dataclasses.astuple(study.design) == (106, 0.05, 0.1)
    cells, placebo = (study.arms[name] for name in ("darvadstrocel", "placebo"))
    assert cells.procedures == placebo.procedures
    (course,) = cells.courses
    assert isinstance(course.give, Product)
    assert (course.dose.number, course.dose.of, course.times) == (120e6, "cell", (0.0,))
    assert (course.route.key, course.carrier.key) == ("intralesional", "suspension")
    assert placebo.courses[0].give is None
    assert placebo.label == {"en": "Placebo", "zh": "安慰剂"}
    assert study.notes == ()


def test_schedules_are_written_out():
    study = read_study("tests/files/valid/repeated-doses.yaml")
    monthly, listed = study.arms["monthly"].courses[0], study.arms["listed"].courses[0]
    assert monthly.times == tuple(28.0 * i for i in range(6))
    assert (monthly.dose.per_kg, monthly.dose.number, monthly.dose.cap) == (True, 1e6, 100e6)
    assert listed.times == (0.0, 3.0, 14.0)
    assert study.arms["infliximab"].courses[0].times == (0.0, 14.0, 42.0, 98.0, 154.0, 210.0, 266.0, 322.0)


def test_a_drug_takes_the_route_of_drugs_under_its_plain_name():
    course = read_study("tests/files/valid/cells-and-drug.yaml").arms["drug"].courses[0]
    assert isinstance(course.give, Drug)
    assert course.route.key == "drug-intravenous"
    assert course.dose.number == 300.0, "0.3 g are 300 mg"


def test_a_share_of_bacteria_is_a_share():
    dose = read_study("tests/files/valid/bacteria.yaml").arms["spores"].courses[0].dose
    assert (dose.number, dose.of, dose.per_kg) == (0.02, "fraction", False)


def test_an_own_product_is_its_like_with_its_own_lot():
    study = read_study("tests/files/valid/own-product.yaml")
    ours, theirs = study.arms["ours"].courses[0], study.arms["theirs"].courses[0]
    assert (ours.lot.id, ours.lot.viability, ours.lot.potency) == ("24-017", 0.88, 0.9)
    assert ours.give.key == "ours"
    assert ours.give.name == {"en": "Our cells", "zh": "我们的细胞"}
    assert ours.give.profile == "allogeneic-msc"
    assert theirs.lot is None
    delivery = study.explicit["resolved"]["products"]["ours"]["delivery"]
    assert delivery["viability"] == {
        "value": "88 %", "basis": "measured", "source": "release certificate 24-017", "at": "lot 24-017"
    }  # fmt: skip


def test_a_lot_out_of_specification_is_taken_on_the_users_word_and_noted():
    study = read_study("tests/files/valid/lot-out-of-specification.yaml")
    lot = study.arms["cells"].courses[0].lot
    usual = study.arms["cells"].courses[0].give.share("potency")
    assert (lot.viability, lot.potency) == (0.55, usual)
    assert "Lot 24-003 of 'old' is accepted out of specification." in study.notes


def test_the_ladder_of_a_dose_is_nominal_times_each_share():
    study = read_study("tests/files/valid/own-product.yaml")
    ours = study.arms["ours"].courses[0]
    doses = study.explicit["resolved"]["doses"]["ours"][0]
    assert doses["nominal"] == "120e6 cells"
    assert float(doses["viable"].removesuffix(" cells")) == pytest.approx(120e6 * 0.88)
    assert float(doses["potent"].removesuffix(" cells")) == pytest.approx(120e6 * 0.88 * 0.9)
    line = ours.give.share("f_line_retained")
    assert float(doses["delivered"].removesuffix(" cells")) == pytest.approx(120e6 * 0.88 * 0.9 * line)


def test_what_is_chosen_for_the_user_is_told_and_explicit():
    study = read_study("tests/files/valid/smallest.yaml")
    assert study.seed_drawn
    assert f"seed: {study.seed}" in study.notes[0]
    assert study.explicit["seed"] == study.seed
    assert study.explicit["scenarios"] == ["posterior"]
    assert study.comparator == DEFAULT_COMPARATOR == study.explicit["comparator"]
    assert any("patients per arm 100, alpha 0.05 (two-sided), dropout 0 %" in note for note in study.notes)
    assert study.explicit["arms"]["observation"] == {"label": {"en": "observation"}, "untreated": "yes"}


def test_drawn_seeds_differ():
    seeds = {read_study("tests/files/valid/smallest.yaml").seed for _ in range(5)}
    assert len(seeds) == 5
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_week_0_is_added_where_it_is_missing():
    study = read_study("tests/files/valid/without-week-0.yaml")
    assert study.visits == (0.0, 42.0, 168.0)
    assert any("week 0 was added" in note for note in study.notes)


def test_the_command_line_overrides_the_file(admire):
    file = parse_study(admire)
    study = resolve(file, patients=5, seed=0, language="zh")
    assert (study.patients, study.seed, study.language) == (5, 0, "zh")
    assert study.explicit["patients"] == 5
    assert study.explicit["seed"] == 0
    assert study.explicit["report"] == {"language": "zh"}


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("patients", 0, "--patients: 0 patients"),
        ("patients", 10**8, "--patients: 100000000 patients are more"),
        ("seed", -1, "--seed: -1 is no seed"),
        ("seed", 2**63, "--seed: "),
        ("language", "fr", "--lang: there is no language 'fr'"),
    ],
)
def test_an_override_out_of_range_is_refused_at_the_option(admire, option, value, says):
    with pytest.raises(StudyError) as caught:
        resolve(parse_study(admire), **{option: value})
    assert str(caught.value).startswith(says)


def test_a_resolved_file_that_differs_from_the_catalogue_says_so_and_is_not_followed(admire):
    study = resolve(parse_study(admire))
    written = to_yaml(study)
    limit = study.explicit["resolved"]["products"]["darvadstrocel"]["delivery"]["viability"]["value"]
    place = written.index("viability:\n")
    changed = written[:place] + written[place:].replace(f"value: '{limit}'", "value: '0.5'", 1)
    assert changed != written
    again = resolve(parse_study(changed))
    assert again.notes == (
        f"resolved.products.darvadstrocel.delivery.viability.value is '0.5' in the file and '{limit}' in this "
        "catalogue, which is what is used.",
    )
    assert same(again) == same(study)


def test_many_differences_are_counted(admire):
    again = resolve(parse_study(admire + "resolved: {a: 1, b: 2, c: 3, d: [4], e: 5, f: 6}\n"))
    assert len(again.notes) == 6
    assert "more values under `resolved`" in again.notes[-1]


def test_every_product_can_be_given_by_each_of_its_routes(admire):
    for key in catalogue.names("products"):
        tree = catalogue.read_entry("products", key).tree
        dose = {"bacteria": "2 %"}.get(tree["kind"], "1e6 cells")
        for route in tree["routes"]:
            course = f"{{give: {key}, route: {route}, dose: {dose}, at: week 0}}"
            start = admire.index("[{give: darvadstrocel")
            text = admire[:start] + f"[{course}]" + admire[admire.index("\n", start) :]
            assert resolve(parse_study(text)).arms["darvadstrocel"].products[0].key == key


def test_an_unused_product_is_noted(admire):
    study = resolve(parse_study(admire + "products: {ours: {like: bone-marrow-msc}}\n"))
    assert study.notes == ("The product 'ours' is described and given in no arm.",)


def test_checking_takes_no_time_to_speak_of(admire):
    resolve(parse_study(admire))
    start = time.monotonic()
    resolve(parse_study(admire))
    assert time.monotonic() - start < 1


def test_what_was_chosen_for_the_user_is_said_in_both_languages() -> None:
    from pathlib import Path

    from homing.study.resolve import read_study

    study = read_study(Path(__file__).parents[1] / "files" / "valid" / "smallest.yaml")
    assert study.notes
    for note in study.notes:
        assert any("\u4e00" <= c <= "\u9fff" for c in note.zh)
        assert not any("\u4e00" <= c <= "\u9fff" for c in note)
