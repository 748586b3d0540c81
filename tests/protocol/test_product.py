"""Products, routes, carriers and procedures: doses land where the reference model puts them, and no cell is lost."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.biology.profiles import profile_values
from homing.evidence.catalogue import Entry, entry_of_file, names
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose
from homing.protocol.ledger import give
from homing.protocol.product import Carrier, Product
from homing.protocol.timeline import landed

SYSTEM = ibd_system()
CELLS = [p for p in catalogue.products() if p.kind != "bacteria"]
#: Places in which a delivered cell can be; `arrived` counts some of them again, efferocytosis counts what was taken up.
PLACES = ("carried", "lung", "blood", "peripheral", "gut", "fistula", "memory", "dead")


def land(product: Product, route: str, carrier: Carrier | None = None) -> dict[str, float]:
    """What one delivered cell adds to each state."""
    course = Course(product, product.key, catalogue.route(route), Dose(1, "cell"), (0.0,), carrier)
    found: dict[str, float] = defaultdict(float)
    deposits = carrier.deposits if carrier is not None and carrier.deposits else course.route.deposits
    for deposit in deposits:
        found[deposit.state] += landed(deposit, course)
    return dict(found)


def carriers_for(route: str) -> list[Carrier | None]:
    return [None, *(catalogue.carrier(key) for key in names("carriers") if route in catalogue.carrier(key).routes)]


@pytest.mark.parametrize("product", CELLS, ids=lambda p: p.key)
def test_every_delivered_cell_is_somewhere_or_dead(product: Product) -> None:
    for route in product.routes:
        for carrier in carriers_for(route):
            shares = land(product, route, carrier)
            assert sum(shares.get(f"product.{place}", 0) for place in PLACES) == pytest.approx(1, abs=1e-12)
            assert all(share >= 0 for share in shares.values())


# Doses of the reference model (events `local`, `iv`, `endo`, `matrix`) for one delivered cell.
@pytest.mark.parametrize("key", ["darvadstrocel", "bone-marrow-msc", "autologous-adipose-msc", "hla-edited-msc"])
def test_a_local_dose_lands_as_in_the_reference_model(key: str) -> None:
    assert land(catalogue.product(key), "intralesional") == pytest.approx(
        {"product.fistula": 0.6, "product.arrived": 0.6, "product.dead": 0.4, "efferocytosis.fistula": 0.12}
    )


@pytest.mark.parametrize(
    ("key", "lung"),
    [
        ("bone-marrow-msc", 0.8),
        ("umbilical-cord-msc", 0.8),
        ("homing-edited-msc", 0.8),
        ("ova-treg", 0.3),
        ("polyclonal-treg", 0.3),
        ("cd19-car-t", 0.4),
        ("autologous-hsct", 0.2),
        ("nod2-corrected-hsc", 0.2),
    ],
)
def test_an_intravenous_dose_lands_as_in_the_reference_model(key: str, lung: float) -> None:
    assert land(catalogue.product(key), "intravenous") == pytest.approx(
        {"product.lung": lung, "product.blood": 1 - lung}
    )


@pytest.mark.parametrize("key", ["bone-marrow-msc", "ova-treg"])
def test_an_endoscopic_dose_lands_as_in_the_reference_model(key: str) -> None:
    assert land(catalogue.product(key), "endoscopic-submucosal") == pytest.approx(
        {"product.gut": 0.6, "product.arrived": 0.6, "product.dead": 0.4}
    )


def test_cells_on_a_plug_are_all_carried() -> None:
    plug = catalogue.carrier("matrix-plug")
    landed_ = land(catalogue.product("autologous-adipose-msc"), "intralesional", plug)
    assert {state: share for state, share in landed_.items() if share} == {"product.carried": 1.0}
    assert plug.values["product.k_carrier_release"].number == 0.1
    assert plug.values["product.k_carrier_death"].number == 0.03


def test_the_ladder_of_a_dose_of_darvadstrocel() -> None:
    product = catalogue.product("darvadstrocel")
    course = Course(product, product.key, catalogue.route("intralesional"), Dose(120e6, "cell"), (0.0,))
    dose = give(course, 0.0, np.array([70.0]))
    assert (dose.viable[0], dose.potent[0], dose.delivered[0]) == pytest.approx((102e6, 102e6, 102e6))


def test_arteries_bring_more_to_the_gut_than_veins_and_less_than_the_needle() -> None:
    product = catalogue.product("umbilical-cord-msc")
    arterial = land(product, "intra-arterial")["product.gut"]
    assert 0 < arterial < land(product, "endoscopic-submucosal")["product.gut"]


@pytest.mark.parametrize("product", CELLS, ids=lambda p: p.key)
def test_only_cells_that_reprogramme_phagocytes_feed_efferocytosis(product: Product) -> None:
    efferocytic = profile_values(SYSTEM, "ibd-core", product.profile, "no-drug")["product.efferocytic"].number
    if "f_early_lost_taken_up" in product.delivery:
        assert product.share("f_early_lost_taken_up") == pytest.approx(0.3 * efferocytic)
    else:
        assert "intralesional" not in product.routes


@pytest.mark.parametrize("folder", ["routes", "carriers", "procedures"])
def test_every_state_that_is_acted_on_exists(folder: str) -> None:
    for key in names(folder):
        found = getattr(catalogue, folder.removesuffix("s"))(key)
        for touched in getattr(found, "deposits", ()) or getattr(found, "changes", ()):
            assert touched.state in SYSTEM.states, f"{folder}/{key}"


def test_every_value_that_is_replaced_exists_and_is_within_bounds() -> None:
    replaced = [value for p in catalogue.products() for value in p.overrides.items()]
    replaced += [value for key in names("carriers") for value in catalogue.carrier(key).values.items()]
    assert replaced
    for name, value in replaced:
        declared = SYSTEM.parameters[name]
        assert declared.low <= value.to(declared.unit).number <= declared.high


@pytest.mark.parametrize("give_", [*catalogue.products(), *catalogue.drugs()], ids=lambda g: g.key)
def test_every_profile_fills_the_mechanism(give_) -> None:
    filled = ("ibd-core", give_.profile, "no-drug" if isinstance(give_, Product) else "no-product")
    assert len(profile_values(SYSTEM, *filled)) == len(SYSTEM.parameters)


CONDITIONING = {
    "innate.activation": 0.3,
    "tcells.effector": 0.02,
    "tcells.memory": 0.02,
    "tcells.regulatory": 0.05,
    "bcells.count": 0.02,
    "marrow.capacity": 0.003,
    "marrow.neutrophils": 0.5,
    "marrow.t_space": 0.02,
    "alloimmunity.effectors": 0.02,
    "alloimmunity.memory": 0.1,
}
LYMPHODEPLETION = {
    "innate.activation": 0.8,
    "tcells.effector": 0.35,
    "tcells.memory": 0.5,
    "tcells.regulatory": 0.3,
    "bcells.count": 0.5,
    "marrow.capacity": 0.3,
    "marrow.neutrophils": 0.6,
    "marrow.t_space": 0.25,
    "alloimmunity.effectors": 0.1,
}


@pytest.mark.parametrize(
    ("key", "surviving"), [("hsct-conditioning", CONDITIONING), ("lymphodepletion", LYMPHODEPLETION)]
)
def test_regimens_spare_what_the_reference_model_spares(key: str, surviving: dict[str, float]) -> None:
    changes = [
        c for c in catalogue.procedure(key).changes if c.state != "conditioning.injury"
    ]  # harm, for safety alone
    assert {change.verb for change in changes} == {"multiply"}
    assert {change.state: change.value.number for change in changes} == surviving


def test_the_reset_varies_between_patients_in_pathogenic_cells_alone() -> None:
    varied = {c.state: c.vary for c in catalogue.procedure("hsct-conditioning").changes if c.vary}
    assert varied == {"tcells.effector": "memory_survival", "tcells.memory": "memory_survival"}


def test_surgery_is_that_of_the_reference_model() -> None:
    sepsis, closure = catalogue.procedure("curettage-and-seton-removal").changes
    assert (sepsis.state, sepsis.verb, sepsis.value.number, sepsis.vary) == (
        "tract.sepsis", "multiply", 0.35, "surgical_sepsis",
    )  # fmt: skip
    assert (closure.state, closure.verb, closure.value.number, closure.vary) == (
        "tract.closure", "raise-to", 0.35, "surgical_closure",
    )  # fmt: skip


ENTRY = (catalogue_root() / "products" / "darvadstrocel.yaml").read_text(encoding="utf-8")


def refused(tmp_path: Path, text: str) -> str:
    file = tmp_path / "some.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError) as error:
        catalogue.read_product(entry_of_file(file))
    return str(error.value)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("kind: msc", "kind: mcs", "Did you mean 'msc'"),
        ("kind: msc\n", "", "needs the field 'kind'"),
        ("origin: allogeneic", "origin: allogenic", "Did you mean 'allogeneic'"),
        ("profile: allogeneic-msc", "profile: alogeneic-msc", "Did you mean 'allogeneic-msc'"),
        ("routes: [intralesional]", "routes: [intralesionel]", "Did you mean 'intralesional'"),
        ("routes: [intralesional]", "routes: [intravenous]", "lacks 'f_lung_trapped'"),
        ("price: darvadstrocel-course", "price: darvadstrocel-curse", "Did you mean 'darvadstrocel-course'"),
        ("carrier: suspension", "carrier: suspention", "Did you mean 'suspension'"),
        (", source: alofisel-smpc-2020}", "}", "needs a `source`"),
        ("tissue: adipose", "tissue: adipose\ncolour: blue", "unknown field 'colour'"),
        ("  viability:\n    value: '0.85'", "  viability:\n    value: '1.85'", "does not hold the value"),
        ("    range: 0.7 to 0.95\n    basis: assumed", "    basis: guessed", "basis 'guessed'"),
        ("  potency:", "  strength:", "lacks 'potency'"),
        ("[nice-ta556-darvadstrocel]", "[nice-ta555-darvadstrocel]", "Did you mean 'nice-ta556-darvadstrocel'"),
        ("zh: 达伐司特罗（Alofisel）", "fr: Alofisel", "unknown field 'fr'"),
    ],
)
def test_a_faulty_product_is_refused_at_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in ENTRY
    message = refused(tmp_path, ENTRY.replace(old, new, 1))
    assert says in message
    assert "some.yaml:" in message


def test_the_line_of_a_refusal_is_that_of_the_fault(tmp_path: Path) -> None:
    message = refused(tmp_path, "# a comment\n\n" + ENTRY.replace("kind: msc", "kind: mcs", 1))
    assert "some.yaml:4: kind" in message


def test_a_share_above_one_is_refused(tmp_path: Path) -> None:
    text = ENTRY.replace("    value: '0.6'\n    range: 0.2 to 0.9", "    value: '1.6'", 1)
    assert "from 0 to 1" in refused(tmp_path, text)


@pytest.mark.parametrize(
    ("folder", "key", "old", "new", "says"),
    [
        ("routes", "intravenous", "site: gut", "site: gutt", "Did you mean 'gut'"),
        ("routes", "intravenous", "state: product.lung, ", "", "needs the field 'state'"),
        ("carriers", "matrix-plug", "[intralesional]", "[nasal]", "unknown route 'nasal'"),
        ("procedures", "seton-only", "verb: multiply", "verb: multiplied", "Did you mean 'multiply'"),
        ("procedures", "seton-only", "value: '0.5'", "value: 0.5 kg", "can't be given in '1'"),
        ("drugs", "infliximab", "drug-intravenous]", "drug-intravenus]", "Did you mean 'drug-intravenous'"),
        ("drugs", "infliximab", "infliximab-label", "infliximab-lable", "Did you mean 'infliximab-label'"),
    ],
)
def test_other_faulty_entries_are_refused(tmp_path: Path, folder: str, key: str, old: str, new: str, says: str) -> None:
    text = (catalogue_root() / folder / f"{key}.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "some.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    entry: Entry = entry_of_file(file)
    with pytest.raises(EvidenceError, match=r"some\.yaml:\d+") as error:
        getattr(catalogue, f"read_{folder.removesuffix('s')}")(entry)
    assert says in str(error.value)
