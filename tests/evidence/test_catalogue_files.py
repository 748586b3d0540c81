"""The catalogue as a whole: every entry loads, says where its facts are from, and speaks both languages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from homing.credibility.record.rules import read_rule
from homing.endpoints.definitions import endpoint
from homing.evidence.catalogue import entry, entry_of_file, names, read_entry
from homing.evidence.prices import price, price_entry
from homing.evidence.profiles import profile_names, read_profile
from homing.evidence.root import catalogue_root
from homing.evidence.sources import load_sources, read_sources
from homing.ground.errors import EvidenceError, StudyError
from homing.ground.text_yaml import read_yaml
from homing.patients.baseline_table import baseline_table
from homing.patients.covariates import covariates
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol import catalogue

LOADERS: dict[str, Callable[[str], Any]] = {
    "products": catalogue.product,
    "drugs": catalogue.drug,
    "routes": catalogue.route,
    "carriers": catalogue.carrier,
    "procedures": catalogue.procedure,
    "populations": population,
    "covariates": covariates,
    "baselines": baseline_table,
    "scenarios": scenario,
    "endpoints": endpoint,
    "prices": price_entry,
    "credibility": lambda key: read_rule(entry("credibility", key)),
}
ENTRIES = [(folder, key) for folder in LOADERS for key in names(folder)]
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def parts(node: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from parts(child, (*path, key))


def cited() -> set[str]:
    """Every source that something in the catalogue names."""
    found: set[str] = set()
    for file in catalogue_root().glob("*/*.yaml"):
        if file.parent.name == "sources":
            continue
        for path, node in parts(read_yaml(file).tree):
            if path and path[-1] == "source" and isinstance(node, str):
                found.add(node)
            if path and path[-1] == "sources" and isinstance(node, list):
                found.update(node)
    return found


@pytest.mark.parametrize(("folder", "key"), ENTRIES)
def test_every_entry_loads_under_its_own_key(folder: str, key: str) -> None:
    assert LOADERS[folder](key).key == key


@pytest.mark.parametrize(("folder", "key"), ENTRIES)
def test_every_text_stands_in_english_and_in_chinese(folder: str, key: str) -> None:
    texts = [node for _, node in parts(read_entry(folder, key).tree) if isinstance(node, dict) and "en" in node]
    assert texts
    for text in texts:
        assert CHINESE.search(text["zh"]), text
        assert not CHINESE.search(text["en"]), text


@pytest.mark.parametrize("file", sorted(f.name for f in (catalogue_root() / "sources").glob("*.yaml")))
def test_no_source_is_listed_without_being_cited(file: str) -> None:
    listed = read_yaml(catalogue_root() / "sources" / file).tree
    assert sorted(set(listed) - cited()) == []


def test_the_entries_that_studies_start_from_are_there() -> None:
    products = {"darvadstrocel", "bone-marrow-msc", "umbilical-cord-msc", "autologous-adipose-msc", "autologous-hsct"}
    assert products | {"ova-treg", "polyclonal-treg", "cd19-car-t"} <= set(names("products"))
    drugs = {"infliximab", "adalimumab", "vedolizumab", "ustekinumab", "risankizumab", "mirikizumab", "upadacitinib"}
    assert drugs | {"recombinant-il-10"} == set(names("drugs"))
    assert {"posterior", "sceptical", "pooled", "optimistic"} == set(names("scenarios"))


@pytest.mark.parametrize("name", profile_names())
def test_profiles_cite_sources_that_exist(name: str) -> None:
    cited_here = {value.source for value in read_profile(name).values.values()} - {""}
    assert cited_here <= set(load_sources())


def test_the_trials_of_products_are_in_the_evidence_store() -> None:
    from homing.evidence.store import load_store

    named = {trial for product in catalogue.products() for trial in product.trials}
    assert sorted(named - set(load_store().trials)) == []


def test_an_unknown_entry_is_refused_with_the_nearest() -> None:
    with pytest.raises(StudyError, match="Did you mean 'darvadstrocel'"):
        catalogue.product("darvadstrocell")
    with pytest.raises(StudyError, match="Did you mean 'routes'"):
        names("route")


SOURCE = "a-2020:\n  title: A\n  year: 2020\n  ids: {doi: 10.1/x}\n  read: abstract\n"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (SOURCE.replace("title: A", "title:"), 1, "needs a title"),
        (SOURCE.replace("year: 2020", "year: soon"), 3, "not a year"),
        (SOURCE.replace("ids: {doi: 10.1/x}", "ids: {}"), 1, "needs `ids`"),
        (SOURCE.replace("doi", "dio"), 4, "Did you mean 'doi'"),
        (SOURCE.replace("abstract", "skimmed"), 1, "says what was read"),
        (SOURCE + "  colour: blue\n", 6, "unknown field 'colour'"),
        (SOURCE + SOURCE, 6, "stands twice"),
    ],
)
def test_a_faulty_source_is_refused_at_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    (tmp_path / "some.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError) as refused:
        read_sources(tmp_path)
    assert f"some.yaml:{line}" in str(refused.value)
    assert says in str(refused.value)


def test_a_source_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(SOURCE, encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"two\.yaml:1: a-2020: .*another file"):
        read_sources(tmp_path)


def test_a_bare_quantity_takes_basis_and_source_from_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("centre: 37 years\nbasis: measured\nsource: irvine-1995-pdai\nat: table 1\n", encoding="utf-8")
    value = entry_of_file(file).shared_value("centre", "year")
    assert (value.number, value.basis, value.source, value.at) == (37, "measured", "irvine-1995-pdai", "table 1")


def test_prices_are_those_of_their_sources() -> None:
    course = price("darvadstrocel-course")
    assert (course.number, course.unit) == (54_000, "GBP")
    assert course.number == 4 * 13_500  # four vials, NICE TA556 2.3
    assert (price("amimestrocel-dose").number, price("amimestrocel-dose").unit) == (19_800, "CNY")
    assert price("infliximab-vial").number == pytest.approx(419.62)
    assumed = price("cell-course-china")
    assert (assumed.low, assumed.high, assumed.basis) == (300_000, 500_000, "assumed")


PRICE = (catalogue_root() / "prices" / "darvadstrocel-course.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("54000 GBP", "54000 kg", 5, "no currency"),
        ("54000 GBP", "54000", 5, "no currency"),
        ("country: GB", "country: Britain", 3, "two-letter"),
        ("year: '2019'", "year: '19'", 4, "not a year"),
        ("nice-ta556-darvadstrocel", "nice-ta556-darvadstrocell", 5, "Did you mean 'nice-ta556-darvadstrocel'"),
        ("of: {en:", "of: {fr: x, en:", 2, "unknown field 'fr'"),
    ],
)
def test_a_faulty_price_is_refused_at_its_line(tmp_path: Path, old: str, new: str, line: int, says: str) -> None:
    from homing.evidence.prices import read_price

    assert old in PRICE
    file = tmp_path / "some.yaml"
    file.write_text(PRICE.replace(old, new), encoding="utf-8")
    with pytest.raises(EvidenceError) as refused:
        read_price(entry_of_file(file))
    assert f"some.yaml:{line}" in str(refused.value)
    assert says in str(refused.value)
