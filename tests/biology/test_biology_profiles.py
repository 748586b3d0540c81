"""Profiles fill a System exactly, in its units, and refuse what does not fit with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

import homing.evidence.profiles as profiles_module
from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values
from homing.evidence.profiles import load_profile, profile_names, read_profile
from homing.ground.errors import EvidenceError
from homing.ground.text_yaml import read_yaml

PRODUCTS = ["allogeneic-msc", "autologous-msc", "treg", "car-t", "hsc", "no-product"]
DRUGS = [
    "infliximab",
    "adalimumab",
    "vedolizumab",
    "ustekinumab",
    "risankizumab",
    "mirikizumab",
    "upadacitinib",
    "recombinant-il-10",
    "no-drug",
]
SOURCES = profiles_module.FOLDER.parent / "sources"


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("drug", DRUGS)
def test_disease_product_and_drug_fill_the_system_exactly(product: str, drug: str, system) -> None:
    values = profile_values(system, "ibd-core", product, drug)
    assert list(values) == list(system.parameters)
    assert all(value.unit == system.parameters[name].unit for name, value in values.items())


def test_every_profile_of_the_catalogue_is_used_or_is_taken_over() -> None:
    assert set(profile_names()) == {"ibd-core", "any-cells", "any-drug", *PRODUCTS, *DRUGS}


@pytest.mark.parametrize("name", profile_names())
def test_every_value_says_how_it_is_known_and_from_a_source_that_exists(name: str) -> None:
    known = {key for file in SOURCES.glob("*.yaml") for key in read_yaml(file).tree}
    for full, value in load_profile(name).items():
        if value.basis == "assumed":
            assert len(value.because) > 10, full
        else:
            assert value.at, full
        if value.basis == "estimated":
            assert value.how, full
        assert not value.source or value.source in known, f"{full}: unknown source {value.source}"


@pytest.mark.parametrize("name", profile_names())
def test_every_profile_has_a_name_in_english_and_chinese(name: str) -> None:
    assert set(read_profile(name).name) == {"en", "zh"}


def test_own_cells_differ_from_foreign_ones_only_in_being_foreign() -> None:
    own, foreign = load_profile("autologous-msc"), load_profile("allogeneic-msc")
    differing = {name for name in own if own[name].number != foreign[name].number}
    assert differing == {"product.antigenicity", "product.killable"}


def test_a_second_product_is_a_second_instance() -> None:
    both = ibd_system(products=("product", "second"))
    values = numbers(
        profile_values(both, "ibd-core", "allogeneic-msc", "treg", "no-drug", instances={"treg": "second"})
    )
    assert values["product.k_fistula_death"] == 0.12
    assert values["second.k_fistula_death"] == 0.04


def test_two_profiles_for_one_parameter_are_refused(system) -> None:
    with pytest.raises(EvidenceError, match=r"\.yaml:\d+: .*'product\.\w+' has a value from .*\.yaml:\d+"):
        profile_values(system, "ibd-core", "allogeneic-msc", "treg", "no-drug")


def test_unfilled_parameters_are_named(system) -> None:
    with pytest.raises(EvidenceError, match=r"fills drug\.k_absorption.* and \d+ more.*'no-drug'"):
        profile_values(system, "ibd-core", "allogeneic-msc")


def test_an_unknown_profile_is_refused_with_the_nearest(system) -> None:
    with pytest.raises(EvidenceError, match=r"no profile 'infliximap'\. Did you mean 'infliximab'"):
        profile_values(system, "ibd-core", "no-product", "infliximap")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A catalogue of one's own: write(name, text) adds a profile to it."""
    monkeypatch.setattr(profiles_module, "FOLDER", tmp_path)
    read_profile.cache_clear()

    def write(name: str, values: str, head: str = "") -> None:
        text = f"name: {{en: A, zh: 甲}}\n{head}values:\n{values}"
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")

    yield write
    read_profile.cache_clear()


VALUE = "  {name}:\n    value: {value}\n    basis: assumed\n    because: made up for this test\n"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tract.k_closs", "0.1 1/d", r"mine\.yaml:3: .*no parameter 'tract.k_closs'. Did you mean 'tract.k_close'\?"),
        ("tract.k_close", "0.1 d", r"mine\.yaml:3: .*'d' can't be given in '1/d'"),
        ("tract.k_close", "-1 1/d", r"mine\.yaml:3: .*is -1; the mechanism takes 0 to inf"),
        ("product.shielding", "1.5", r"is 1.5; the mechanism takes 0 to 1"),
        ("tract.k_close", "0.1", r"'0.1'|can't be given in '1/d'"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: str, message: str, folder, system) -> None:
    folder("mine", VALUE.format(name=name, value=value))
    with pytest.raises(EvidenceError, match=message):
        profile_values(system, "mine")


def test_units_are_converted_to_the_declared_ones(folder) -> None:
    folder("mine", VALUE.format(name="tract.k_close", value="0.7 1/week"))
    assert read_profile("mine").values["tract.k_close"].unit == "1/week"
    assert read_profile("mine").values["tract.k_close"].to("1/d").number == pytest.approx(0.1)


def test_like_takes_over_and_replaces(folder) -> None:
    folder("base", VALUE.format(name="a.x", value="1 1/d") + VALUE.format(name="a.y", value="2 1/d"))
    folder("mine", VALUE.format(name="a.y", value="3 1/d"), head="like: base\n")
    assert {k: v.number for k, v in load_profile("mine").items()} == {"a.x": 1, "a.y": 3}
    assert "base.yaml:3" in read_profile("mine").places["a.x"]


def test_a_circle_of_profiles_is_refused(folder) -> None:
    folder("one", VALUE.format(name="a.x", value="1"), head="like: two\n")
    folder("two", VALUE.format(name="a.y", value="1"), head="like: one\n")
    with pytest.raises(EvidenceError, match="in a circle: one -> two -> one"):
        read_profile("one")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "a profile has the keys"),
        ("nam: {en: a, zh: b}\nvalues: {}\n", "unknown field 'nam'. Did you mean 'name'"),
        ("name: {en: a, zh: b}\n", "a profile needs `values`"),
        ("name: {en: a, zh: b}\nvalues: {a.x: 3}\n", "a value is a mapping"),
        ("name: {en: a, zh: b}\nvalues: {a.x: {value: 1 1/d, basis: assumed}}\n", "must say why"),
        ("name: {en: a, zh: b}\nvalues: {a.x: {value: 1 1/d, basis: measured}}\n", "needs a `source`"),
    ],
)
def test_a_file_that_is_no_profile_is_refused(text: str, message: str, folder, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match=message):
        read_profile("bad")
