"""Release curves and carriers: what is released follows the curve, no cell is lost, and faults are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.evidence.catalogue import names
from homing.ground.errors import HomingError, StudyError
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose, Protocol
from homing.protocol.release import ReleaseCurve, release_curve
from homing.study.explicit import to_yaml
from homing.study.resolve import read_study
from homing.study.simulator import Simulated, Simulator

CURVES = {
    "burst and slow": ([0, 1, 7, 28], [0.2, 0.5, 0.7, 0.9]),
    "lag, then all at once": ([0, 10, 14, 30], [0, 0.02, 0.9, 0.97]),
    "three phases": ([1, 4, 20, 30, 45], [0.25, 0.3, 0.35, 0.85, 1]),
    "everything in a day": ([0, 1], [0, 1]),
    "coarse": ([0, 40], [0, 0.6]),
}
DAYS = np.arange(0, 85.0)
PLACES = ("carried", "lung", "blood", "peripheral", "gut", "fistula", "memory", "dead", "departed")


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(population("perianal-fistula-refractory-cd"), seed=5)


def go(simulator: Simulator, key: str, curve: ReleaseCurve | None, times=(0.0,), **changes: float) -> Simulated:
    carrier = replace(catalogue.carrier(key), release=curve)
    product = catalogue.product("darvadstrocel")
    course = Course(product, "c", catalogue.route("intralesional"), Dose(120e6, "cell"), times, carrier)
    named = {f"product.{name}": value for name, value in changes.items()}
    protocol = Protocol("beads", (), (course,))
    return simulator.run(simulator.cohort(np.arange(4)), protocol, scenario("pooled"), DAYS, changes=named)


@pytest.mark.parametrize("name", list(CURVES))
def test_what_is_released_follows_the_curve_within_one_percent(name: str, simulator: Simulator) -> None:
    curve = release_curve(*CURVES[name])
    run = go(simulator, "microspheres", curve, k_carrier_death=0, f_carrier_exposed=0)
    loaded = run.doses[0].delivered * catalogue.carrier("microspheres").retention.number
    released = run["product.arrived"] / loaded[:, None]
    expected = np.array([curve.at(day) for day in DAYS])
    np.testing.assert_allclose(released[:, 1:], np.broadcast_to(expected[1:], released[:, 1:].shape), atol=0.01)


@settings(max_examples=60, deadline=None)
@given(
    gaps=st.lists(st.floats(0.05, 30), min_size=2, max_size=8),
    rises=st.lists(st.floats(0, 1), min_size=8, max_size=8),
    total=st.floats(0.05, 1),
)
def test_any_rising_curve_is_followed_within_one_percent(gaps, rises, total) -> None:
    """The rates integrated by hand, at the points and between them."""
    times = np.cumsum(gaps)
    shares = np.cumsum(rises[: len(gaps)])
    if shares[-1] <= 0:
        return
    curve = release_curve(times, shares / shares[-1] * total)
    rates = list(curve.rates())
    begins, values = np.array([t for t, _ in rates]), np.array([rate for _, rate in rates])
    for day in np.linspace(0, curve.last, 37):
        spans = np.clip(np.append(begins[1:], np.inf), None, day) - np.minimum(begins, day)
        released = 1 - (1 - curve.burst) * np.exp(-(values * spans).sum())
        assert released == pytest.approx(curve.at(day), abs=0.01)


@pytest.mark.parametrize("key", [k for k in names("carriers") if k != "suspension"])
@pytest.mark.parametrize("curve", [None, *CURVES])
def test_no_cell_is_lost_in_a_carrier(key: str, curve: str | None, simulator: Simulator) -> None:
    run = go(simulator, key, None if curve is None else release_curve(*CURVES[curve]))
    kept = sum(run[f"product.{place}"] for place in PLACES) - run["product.born"]
    delivered = np.broadcast_to(run.doses[0].delivered[:, None], kept[:, 1:].shape)
    np.testing.assert_allclose(kept[:, 1:], delivered, rtol=1e-4)


@pytest.mark.parametrize("key", [k for k in names("carriers") if k != "suspension"])
def test_a_carrier_keeps_its_share_and_loses_the_rest_at_once(key: str, simulator: Simulator) -> None:
    run = go(simulator, key, None)
    kept = catalogue.carrier(key).retention
    early = simulator.run(run.cohort, run.protocol, scenario("pooled"), [0.0, 1e-6])
    share = early["product.carried"][:, 1] / run.doses[0].delivered
    np.testing.assert_allclose(share, kept.number, rtol=1e-5)
    assert kept.basis == "assumed"
    assert kept.because


def test_a_carrier_with_a_burst_frees_that_share_at_once(simulator: Simulator) -> None:
    run = go(simulator, "microspheres", release_curve([0, 10], [0.3, 0.8]))
    early = simulator.run(run.cohort, run.protocol, scenario("pooled"), [0.0, 1e-6])
    np.testing.assert_allclose(early["product.arrived"][:, 1], 0.3 * 0.9 * run.doses[0].delivered, rtol=1e-4)


@pytest.mark.parametrize(
    ("times", "shares", "says"),
    [
        ([0, 2, 1], [0, 0.2, 0.3], "does not come after 2"),
        ([0, 1, 2], [0, 0.4, 0.3], "can't return"),
        ([0, 1], [0, 1.2], "outside 0 to 1"),
        ([-1, 1], [0, 1], "before the carrier is placed"),
        ([0, 1], [0, 0], "releases nothing"),
        ([0], [1], "2 to 500"),
        ([0, 1], [0], "each time needs one"),
        ([0, float("nan")], [0, 1], "before the carrier"),
    ],
)
def test_a_curve_that_is_none_is_refused(times: list, shares: list, says: str) -> None:
    with pytest.raises(HomingError, match=says):
        release_curve(times, shares)


STUDY = """
homing: 1
study: Beads
population: perianal-fistula-refractory-cd
patients: 10
seed: 11
visits: [week 0, week 12, week 24]
arms:
  beads:
    procedures: [{do: curettage, at: week 0}, {do: closure-of-internal-opening, at: week 0}]
    courses: [{give: darvadstrocel, route: intralesional, carrier: ours, dose: 120e6 cells, at: AT}]
  saline:
    procedures: [{do: curettage-and-seton-removal, at: week 0}]
candidate: beads
control: saline
primary: {endpoint: combined-remission, at: week 24}
carriers:
  ours:
    like: microspheres
    name: {en: Our beads, zh: 本院微球}
    retention: 80 %
    release: RELEASE
"""
INLINE = "{times: [day 0, day 2, day 9], released: [5 %, 0.3, 90 %], source: assay 7}"


def write(folder: Path, release: str = INLINE, at: str = "week 0", text: str = STUDY) -> Path:
    file = folder / "beads.yaml"
    file.write_text(text.replace("RELEASE", release).replace("AT}", at + "}"), encoding="utf-8")
    return file


def test_a_curve_from_the_study_and_from_a_file_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("# assay 7\nday,released\n0,5 %\n2,0.3\n\n9,90 %\n", encoding="utf-8")
    here = read_study(write(tmp_path))
    there = read_study(write(tmp_path, "{file: curve.csv, source: assay 7}"))
    (mine,), (other,) = here.arms["beads"].courses, there.arms["beads"].courses
    assert mine.carrier.release == other.carrier.release
    assert mine.carrier.release.times == (0, 2, 9)
    assert mine.carrier.retention.number == 0.8
    assert mine.carrier.values == catalogue.carrier("microspheres").values


def test_the_resolved_study_holds_the_curve_and_reads_back(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text("day,released\n1,0.05\n9.5,0.9\n", encoding="utf-8")
    study = read_study(write(tmp_path, "{file: curve.csv, source: assay 7}"))
    again = tmp_path / "again" / "resolved.yaml"
    again.parent.mkdir()
    again.write_text(to_yaml(study), encoding="utf-8")
    carriers = [s.arms["beads"].courses[0].carrier for s in (study, read_study(again))]
    assert carriers[0] == carriers[1]
    assert yaml.safe_load(to_yaml(study))["carriers"]["ours"]["release"]["times"] == ["day 0", "day 1", "day 9.5"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("day,released\n0,0\n2,0.5\n1,0.6\n", 4, "does not come after 2"),
        ("day,released\n0,0\n2,0.5\n3,40 %\n", 4, "can't return"),
        ("day,released\n0,0\n2,1.5\n", 3, "outside 0 to 1"),
        ("day,released\n0,0\n2,much\n", 3, "is not a fraction"),
        ("day,released\n0,0\nsoon,0.5\n", 3, "no number of days"),
        ("day,released\n0,0\n2\n", 3, "a point has 2"),
        ("time;share\n0;0\n", 1, "columns are 'day,released'"),
        ("", 1, "columns are 'day,released'"),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    file = write(tmp_path, "{file: curve.csv, source: assay 7}")
    with pytest.raises(StudyError, match=says) as refused:
        read_study(file)
    assert f"{tmp_path / 'curve.csv'}:{line}: " in str(refused.value)
    assert str(refused.value).startswith(f"{file}:22: carriers.ours.release.file: ")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"release": "{file: none.csv, source: x}"}, "can't be read"),
        ({"release": "{source: x}"}, "needs either"),
        ({"release": "{times: [day 0, day 1], source: x}"}, "lacks `released`"),
        ({"release": "{times: [day 0, day 1], released: [0], source: x}"}, "1 fractions for 2 times"),
        ({"release": "{times: [day 0, day 2, day 1], released: [0, 0.1, 0.2], source: x}"}, "does not come after"),
        ({"release": "{times: [day 0, day 1], released: [0.5, 0.1], source: x}"}, "can't return"),
        ({"release": INLINE.replace(", source: assay 7", "")}, "source"),
        ({"at": "[week 0, week 1]"}, "still follows its release curve"),
        ({"text": STUDY.replace("like: microspheres", "like: suspension")}, "holds no cells back"),
        ({"text": STUDY.replace("like: microspheres", "like: microsphere")}, "Did you mean 'microspheres'"),
        ({"text": STUDY.replace(" ours", " hydrogel")}, "is a name of the catalogue"),
    ],
)
def test_a_carrier_that_can_not_be_is_refused(change: dict, says: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=says):
        read_study(write(tmp_path, **change))


def test_two_carriers_for_one_product_need_two_arms(tmp_path: Path) -> None:
    more = "dose: 120e6 cells, at: week 0}, {give: darvadstrocel, route: intralesional, carrier: hydrogel, dose:"
    file = write(tmp_path, at="week 16", text=STUDY.replace("dose:", more, 1))
    with pytest.raises(StudyError, match="which release cells at their own rates"):
        read_study(file)


@pytest.mark.parametrize(
    ("drug", "says"),
    [
        ("secukinumab", "Th1 and Th17 together.*Hueber 2012.*There is: ustekinumab, risankizumab"),
        ("Ixekizumab", "Th1 and Th17 together"),
        ("tofacitinib", "There is: upadacitinib"),
        ("ozanimod", "no lymph nodes"),
        ("golimumab", "kinetics of this drug are not entered.*There is: infliximab"),
        ("vancomycin", "antibiotic-preconditioning"),
    ],
)
@pytest.mark.parametrize("as_comparator", [False, True])
def test_a_drug_outside_the_model_is_refused_with_the_reason(
    drug: str, says: str, as_comparator: bool, tmp_path: Path
) -> None:
    given_ = f"    courses: [{{give: {drug}, route: subcutaneous, dose: 300 mg, at: week 0}}]\n"
    text = STUDY.replace("candidate:", f"{'' if as_comparator else given_}candidate:")
    text += f"comparator: {drug}\n" if as_comparator else ""
    with pytest.raises(StudyError, match=says):
        read_study(write(tmp_path, text=text))
