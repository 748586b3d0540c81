"""What the catalogue says of each product beside its cells, and how faulty entries are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from homing.biology.ibd import ibd_system
from homing.biology.profiles import profile_values
from homing.evidence.catalogue import entry_of_file
from homing.evidence.root import catalogue_root
from homing.evidence.sources import load_sources
from homing.evidence.store import load_store
from homing.ground.errors import EvidenceError
from homing.ground.units import split_quantity
from homing.protocol import catalogue
from homing.protocol.product import Product, Statement
from homing.protocol.product_evidence import (
    by_basis,
    dose_ranges,
    known_values,
    patients_treated,
    sources_of,
    trial_patients,
)
from homing.protocol.product_facts import ASKED

PRODUCTS = catalogue.products()
STORE = load_store()
CHINESE = re.compile(r"[一-鿿]")
#: The products that the field names, each by its key.
FIELD = {
    *("darvadstrocel", "th-sc01", "bone-marrow-msc", "remestemcel-l", "umbilical-cord-msc", "pda-001", "multistem"),
    *("autologous-adipose-msc", "autologous-bone-marrow-msc"),
    *("autologous-hsct", "autologous-hsct-astic", "autologous-hsct-astic-lite", "nod2-corrected-hsc"),
    *("ova-treg", "polyclonal-treg", "gut-homing-treg", "car-treg"),
    *("cd19-car-t", "bcma-car-t", "myeloid-car-t"),
    *("hla-edited-msc", "homing-edited-msc", "ccr9-msc", "cxcr4-msc", "beta7-msc"),
    *("fmt", "firmicutes-spores", "ve303"),
}
each_product = pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.key)


def statements(product: Product) -> list[Statement]:
    stage = [product.stage] if product.stage else []
    return [*stage, *product.strengths, *product.weaknesses, *product.regulatory]


def test_every_product_of_the_field_has_an_entry() -> None:
    assert FIELD <= {product.key for product in PRODUCTS}


@each_product
def test_a_product_says_where_it_stands(product: Product) -> None:
    assert product.stage is not None
    assert {"eu"} <= {status.region for status in product.status} or len(product.status) >= 2
    assert {criterion.test for criterion in product.release} >= set(ASKED)
    assert product.strengths and product.weaknesses
    assert product.usual["route"] in product.routes


@each_product
def test_everything_said_stands_in_both_languages(product: Product) -> None:
    words = [(s.en, s.zh) for s in statements(product)]
    words += [(c.words["en"], c.words["zh"]) for c in product.release]
    words += [(w["en"], w["zh"]) for s in product.status for w in (s.indication, s.note) if w]
    for english, chinese in words:
        assert CHINESE.search(chinese), chinese
        assert not CHINESE.search(english), english


@each_product
def test_strengths_and_weaknesses_rest_on_sources(product: Product) -> None:
    assert all(s.sources for s in product.strengths if not product.exploratory) or product.key == "ova-treg"
    assert any(s.sources for s in product.strengths)
    assert any(s.sources for s in product.weaknesses) or product.key == "myeloid-car-t"
    assert set(sources_of(product)) <= set(load_sources())


@each_product
def test_its_trials_are_in_the_store_and_an_exploratory_product_has_no_result_in_ibd(product: Product) -> None:
    assert set(product.trials) <= set(STORE.trials)
    if product.exploratory:
        assert patients_treated(product, STORE) == 0
    else:
        assert product.trials
        assert product.key == "multistem" or patients_treated(product, STORE) > 0  # its arms were never published


@each_product
def test_its_profile_is_complete_and_every_value_has_a_basis_and_a_reason(product: Product) -> None:
    system = ibd_system()
    assert len(profile_values(system, "ibd-core", product.profile, "no-drug")) == len(system.parameters)
    for name, value in known_values(product).items():
        assert value.source or value.because, name
    assert sum(map(len, by_basis(product).values())) == len(known_values(product))


@each_product
def test_the_usual_dose_is_within_what_its_trials_gave_or_says_why(product: Product) -> None:
    number, unit = split_quantity(product.usual["dose"])
    for doses in dose_ranges(product, STORE):
        if doses.unit == unit.replace("cells", "cell"):
            assert doses.low <= number <= doses.high or "because" in product.usual


@each_product
def test_a_release_limit_of_the_model_is_one_that_was_read(product: Product) -> None:
    if "release_viability" in product.delivery:
        (viability,) = (c for c in product.release if c.test == "viability")
        percent = 100 * product.delivery["release_viability"].number
        assert viability.is_read
        assert f"{percent:g} %" in viability.words["en"]


def test_doses_of_trials_are_computed_from_arms_and_from_what_trials_state_in_words() -> None:
    (cells,) = dose_ranges(catalogue.product("ova-treg"), STORE)
    assert (cells.low, cells.high, cells.unit) == (1e4, 1e9, "cell")
    assert cells.text == "1e4 to 1e9 cells"
    assert {"CATS1", "CATS29"} == set(cells.trials)


def test_patients_of_overlapping_arms_of_follow_ups_and_of_plans_are_not_counted_twice() -> None:
    assert patients_treated(catalogue.product("ova-treg"), STORE) == 20  # 8 and 12, not 8, 12 and the 20 of both
    leiden = {t.trial: t for t in trial_patients(catalogue.product("bone-marrow-msc"), STORE)}
    assert leiden["Molendijk-2015"].patients == 15
    assert leiden["Barnhoorn-2020"].shares_patients  # the same 15 after four years
    cord = {t.trial: t for t in trial_patients(catalogue.product("th-sc01"), STORE)}
    assert cord["TH-SC01-CPF"].is_planned
    assert patients_treated(catalogue.product("th-sc01"), STORE) == 19


def test_alofisel_left_the_european_market_on_13_december_2024() -> None:
    europe = [s for s in catalogue.product("darvadstrocel").status if s.region == "eu"]
    assert [(s.standing, s.on) for s in europe] == [("approved", "2018-03-23"), ("withdrawn", "2024-12-13")]


@pytest.mark.parametrize(
    ("key", "region", "standing", "on"),
    [
        ("umbilical-cord-msc", "china", "conditionally-approved", "2025-01-02"),
        ("remestemcel-l", "us", "approved", "2024-12-18"),
        ("fmt", "us", "approved", "2022-11-30"),
    ],
)
def test_what_is_approved_is_not_approved_for_ibd(key: str, region: str, standing: str, on: str) -> None:
    (status,) = (s for s in catalogue.product(key).status if s.region == region)
    assert (status.standing, status.on) == (standing, on)
    assert "not for IBD" in status.indication["en"]


def test_lacking_hla_has_its_price_in_natural_killer_cells() -> None:
    edited, plain = (known_values(catalogue.product(key)) for key in ("hla-edited-msc", "umbilical-cord-msc"))
    assert edited["product.shielding"].number > plain["product.shielding"].number
    assert edited["product.missing_self"].number > plain["product.missing_self"].number


def test_the_three_regimens_of_transplantation_differ_in_what_goes_before() -> None:
    regimens = {key: catalogue.product(key).prepare for key in FIELD if key.startswith("autologous-hsct")}
    assert len(set(regimens.values())) == 3
    full, lite = (
        {c.state: c.value.number for c in catalogue.procedure(key).changes}
        for key in ("hsct-conditioning", "conditioning-astic-lite")
    )
    assert full.keys() == lite.keys()
    injury = "conditioning.injury"
    assert lite.pop(injury) < full.pop(injury)
    assert all(lite[state] >= full[state] for state in full)


ENTRY = (catalogue_root() / "products" / "darvadstrocel.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("region: eu", "region: europe", "is not known here"),
        ("standing: withdrawn", "standing: withdrew", "Did you mean 'withdrawn'"),
        ("on: '2024-12-13'", "on: 13/12/2024", "is no date"),
        ("on: '2024-12-13'", "on: '2017-12-13'", "order of their dates"),
        ("    on: '2024-12-13'\n", "", "needs the date"),
        ("{region: china, standing: not-seen}", "{region: china, standing: in-trials}", "needs `sources`"),
        ("{region: china, standing: not-seen}", "{region: china, standing: not-seen, on: '2020'}", "leave out date"),
        ("{region: china, standing: not-seen}", "{region: eu, standing: not-seen}", "without 'not-seen'"),
        ("  - test: viability", "  - test: vitality", "is not known here"),
        ("  - test: viability", "  - test: purity", "says nothing of viability"),
        ("    not-read: {en", "    criterion: {en", "needs `sources`"),
        ("trials: [ADMIRE-CD,", "trials: [ADMIRE-DC,", "unknown trial 'ADMIRE-DC'"),
        ("treatments: [adipose-msc-allogeneic]", "treatments: [adipose-msc-alogeneic]", "adipose-msc-allogeneic"),
        ("treatments: [", "prepare: [curetage]\ntreatments: [", "unknown procedure 'curetage'"),
        ("treatments: [", "exploratory: maybe\ntreatments: [", "'maybe' is not known here"),
        (
            "treatments: [",
            "doses: [{trial: ADMIRE-CD, from: 2e6 cells, to: 1e6 cells}]\ntreatments: [",
            "lower to a higher",
        ),
        (
            "treatments: [",
            "doses: [{trial: ADMIRE-CD, from: 1e6 cells, to: 2e6 cells/kg}]\ntreatments: [",
            "in one unit",
        ),
        ("treatments: [", "doses: [{trial: ADMIRE-XY, from: 1e6 cells}]\ntreatments: [", "unknown trial"),
    ],
)
def test_a_faulty_fact_is_refused_at_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in ENTRY
    file = tmp_path / "some.yaml"
    file.write_text(ENTRY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EvidenceError) as error:
        catalogue.read_product(entry_of_file(file))
    assert says in str(error.value)
    assert re.search(r"some\.yaml:\d+", str(error.value))


def test_an_entry_without_these_facts_still_loads(tmp_path: Path) -> None:
    file = tmp_path / "some.yaml"
    bare = re.sub(r"\n(status|release):\n(?:  .*\n)+", "\n", re.sub(r"treatments: .*\n", "", ENTRY))
    bare = re.sub(r"\n(status|release):\n(?:  .*\n)+", "\n", bare)
    file.write_text(bare, encoding="utf-8")
    found = catalogue.read_product(entry_of_file(file))
    assert (found.status, found.release, found.doses, found.exploratory) == ((), (), (), False)
