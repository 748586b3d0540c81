"""Steps of a calibration that can be stopped: designs and what they depend on, ranks, and the files of a posterior."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import calibration_cases as cases
import numpy as np
import pytest
import yaml

from homing.credibility.calibration import factors as factors_of
from homing.credibility.calibration import kinetics, kinetics_fit, luminal, rank_check
from homing.credibility.calibration.design import BLOCK, Design, run_design
from homing.credibility.calibration.factors import Factor
from homing.credibility.calibration.posterior_files import DRAWS, FILE, Parameter, thinned, write
from homing.credibility.calibration.run import Effort, model_version
from homing.credibility.calibration.unknowns import Unknowns
from homing.credibility.split import sealed
from homing.evidence.store import load_store
from homing.inference.sampling import backend

FACTORS = {key: Factor(key, (f"module.{key}",), 0.5, "a test") for key in ("one", "two")}
TWO = Unknowns("test", FACTORS, {})
POINTS = 2 * BLOCK + 3
SETTINGS = {"patients": 10}


class Cohort:
    """Stands for a simulated cohort: counts that follow from the point alone; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, changes: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        self.asked += 1
        assert set(changes) == {"module.one", "module.two"}
        first = int(100 * changes["module.one"]) % 10
        return np.array([first, 3]), np.array([10, 10])


def drawn(folder: Path, cohort: Cohort, known: Unknowns = TWO, **other: object) -> Design:
    asked = {"points": POINTS, "seed": 1, "settings": SETTINGS, "outputs": ["a", "b"], **other}
    return run_design(known, simulate=cohort, folder=folder, **asked)  # type: ignore[arg-type]


def test_a_design_is_taken_up_again_where_it_was_stopped(tmp_path: Path) -> None:
    first = Cohort()
    whole = drawn(tmp_path, first)
    assert first.asked == POINTS and whole.events.shape == (POINTS, 2)
    files = sorted(tmp_path.glob("*.npz"))
    before = [file.read_bytes() for file in files]
    files[1].unlink()
    files[2].write_bytes(before[2][:40])  # what a disk that was full leaves
    again = Cohort()
    found = drawn(tmp_path, again)
    assert again.asked == BLOCK + 3, "the first block was kept"
    assert np.array_equal(found.events, whole.events) and np.array_equal(found.patients, whole.patients)
    assert [file.read_bytes() for file in sorted(tmp_path.glob("*.npz"))] == before


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04 no archive", b"words"])
def test_a_block_that_cannot_be_read_is_simulated_again(tmp_path: Path, damage: bytes) -> None:
    whole = drawn(tmp_path, Cohort())
    next(iter(sorted(tmp_path.glob("*.npz")))).write_bytes(damage)
    assert np.array_equal(drawn(tmp_path, Cohort()).events, whole.events)


@pytest.mark.parametrize(
    "block",
    [
        {"events": np.ones((BLOCK - 1, 2), int), "patients": np.full((BLOCK - 1, 2), 10)},
        {"events": np.ones((BLOCK, 1), int), "patients": np.full((BLOCK, 1), 10)},
        {"events": np.ones((BLOCK, 2)), "patients": np.full((BLOCK, 2), 10)},
        {"events": np.full((BLOCK, 2), 11), "patients": np.full((BLOCK, 2), 10)},
        {"events": np.ones((BLOCK, 2), int)},
    ],
    ids=["a point less", "an output less", "no counts", "more events than patients", "no patients"],
)
def test_a_block_that_is_not_of_its_points_and_outputs_is_simulated_again(tmp_path: Path, block: dict) -> None:
    whole = drawn(tmp_path, Cohort())
    np.savez(min(tmp_path.glob("*.npz")), **block)
    again = Cohort()
    found = drawn(tmp_path, again)
    assert again.asked == BLOCK
    assert np.array_equal(found.events, whole.events) and np.array_equal(found.patients, whole.patients)


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"settings": {"patients": 20}},
        {"settings": {**SETTINGS, "regimens": {"a": "another dose"}}},
        {"points": POINTS + 1},
        {"outputs": ["a", "c"]},
        {"known": replace(TWO, factors={**FACTORS, "two": replace(FACTORS["two"], box=(0.1, 3.0))})},
    ],
    ids=lambda other: next(iter(other)),
)
def test_blocks_of_other_settings_are_not_used(tmp_path: Path, other: dict) -> None:
    drawn(tmp_path, Cohort())
    asked = Cohort()
    drawn(tmp_path, asked, **other)
    assert asked.asked == other.get("points", POINTS)


def test_a_point_of_the_design_reaches_the_mechanism_as_a_factor(tmp_path: Path) -> None:
    seen: list[Mapping[str, float]] = []

    def simulate(changes: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        seen.append(dict(changes))
        return np.array([1]), np.array([2])

    found = run_design(TWO, ["a"], simulate, 4, 1, {}, tmp_path)
    assert [[c["module.one"], c["module.two"]] for c in seen] == pytest.approx(np.exp(found.points))
    low, high = (np.array([f.design[i] for f in FACTORS.values()]) for i in (0, 1))
    assert (np.exp(found.points) >= low).all() and (np.exp(found.points) <= high).all()


@pytest.mark.slow
def test_threads_change_nothing_of_a_simulated_point() -> None:
    changes = {"tcells.k_priming": 1.3, "flares.rate": 0.8, "memory_survival": 1.1}
    one, two = (luminal.simulate(changes, 40, 3, threads) for threads in (1, 2))
    assert np.array_equal(one[0], two[0]) and np.array_equal(one[1], two[1])


def test_draws_are_of_one_version_of_rows_priors_and_cohorts() -> None:
    """Whatever the density depends on beside the events changes the name under which chains are kept."""
    table, design = cases.tract().table, cases.design()
    known = design.unknowns
    version = model_version(table, design)
    assert version == model_version(replace(table), replace(design))
    effect, drift = known.factors["cell_effect"], known.terms["drift"]
    others = [
        (replace(table, n=table.n + 1), design),
        (replace(table, decades=table.decades + 0.1), design),
        (replace(table, open=1 - table.open), design),
        (table, replace(design, events=design.events + np.eye(*design.events.shape, dtype=np.int64))),
    ]
    for changed in (
        replace(known, factors={**known.factors, "cell_effect": replace(effect, spread=0.9)}),
        replace(known, factors={**known.factors, "cell_effect": replace(effect, median=0.5)}),
        replace(known, terms={**known.terms, "drift": replace(drift, spread=0.1)}),
    ):
        others.append((table, replace(design, unknowns=changed)))
    assert len({version, *(model_version(*each) for each in others)}) == 1 + len(others)


@pytest.mark.slow
def test_ranks_run_and_are_taken_up_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numpyro")
    backend()
    monkeypatch.setattr(rank_check, "fistula_surface", lambda *_: (cases.surface(), cases.design()))
    monkeypatch.setattr(rank_check, "WARMUP", 50)
    monkeypatch.setattr(rank_check, "DRAWS", 100)
    told: list[tuple[int, int]] = []
    found = rank_check.check_ranks(tmp_path, Effort(), 3, 1, progress=lambda _, done, total: told.append((done, total)))
    known = cases.design().unknowns
    assert set(found.names) == {*known.factors, *known.terms}
    assert found.ranks.shape == (3, len(found.names)) and told[-1] == (3, 3)
    assert (found.ranks >= 0).all() and (found.ranks <= found.draws).all()
    assert len(np.unique(found.ranks)) > 5, "data are drawn anew"
    told.clear()
    again = rank_check.check_ranks(tmp_path, Effort(), 3, 1, progress=lambda _, done, total: told.append((done, total)))
    assert np.array_equal(again.ranks, found.ranks) and not told, "nothing is drawn twice"


def parameter(key: str, draws: np.ndarray, informed: bool = True) -> Parameter:
    made = Factor(key, ("a.b",), 0.7, "a test", median=2.0, name={"en": key, "zh": key}, summary="up")
    return Parameter(made, draws, informed, ("A", "B") if informed else ())


def test_what_is_written_is_what_is_read_back(tmp_path: Path) -> None:
    g = np.random.default_rng(1)
    found = [parameter("x", np.exp(0.3 * g.standard_normal(400))), parameter("y", np.full(400, 1e-7), informed=False)]
    write(tmp_path, found, {"version": "1"})
    with (tmp_path / DRAWS).open(encoding="utf-8", newline="") as opened:
        rows = list(csv.reader(opened))
    assert rows[0] == ["x", "y"] and len(rows) == 401
    assert np.array(rows[1:], dtype=float) == pytest.approx(np.stack([p.draws for p in found], axis=1), rel=1e-4)
    told = yaml.safe_load((tmp_path / FILE).read_text(encoding="utf-8"))
    x = told["parameters"]["x"]
    assert list(told) == ["version", "draws", "parameters"] and list(told["parameters"]) == ["x", "y"]
    assert (x["informed"], x["from"], x["summary"]) == ("yes", ["A", "B"], "up")
    assert told["parameters"]["y"]["informed"] == "no" and told["parameters"]["y"]["from"] == []
    # a lognormal about 2: 95 % within 1.96 * 0.7 of its logarithm
    ends = [float(x["prior"][k]) for k in ("low", "median", "high")]
    assert ends == pytest.approx([2 * np.exp(-1.372), 2, 2 * np.exp(1.372)], rel=1e-3)
    ends = [float(x["posterior"][k]) for k in ("low", "median", "high")]
    assert ends == pytest.approx(np.quantile(found[0].draws, [0.025, 0.5, 0.975]), rel=1e-4)


def test_shrinkage_is_none_of_prior_draws_and_what_the_variances_say_else() -> None:
    g = np.random.default_rng(2)
    prior = 2 * np.exp(0.7 * g.standard_normal(20_000))
    assert parameter("x", prior).shrinkage == pytest.approx(0, abs=0.03)
    assert parameter("x", np.sqrt(prior)).shrinkage == pytest.approx(0.75, abs=0.01), "half the spread"
    wide = replace(parameter("x", np.sqrt(prior)), common=prior)
    assert wide.shrinkage == pytest.approx(0, abs=0.03), "of what trials share, not of one more trial"
    assert parameter("x", prior[:50], informed=False).shrinkage == 0, "no trial, no chance"


def test_thinned_draws_are_spread_over_all_and_each_once() -> None:
    at = thinned(6000, 400)
    assert len(np.unique(at)) == 400 and (at[0], at[-1]) == (0, 5999)
    assert set(np.diff(at)) <= {15, 16}
    assert list(thinned(3, 400)) == [0, 1, 2]


def test_weights_of_the_kinetics_agree_with_sums_over_a_grid() -> None:
    """Posterior means and spreads against brute force: the lung's share written out, on a grid of four directions."""
    store = sealed(load_store())
    found = kinetics_fit.fit(store, 5)
    assert 500 < found.effective <= kinetics_fit.PRIOR_DRAWS
    by_key = {f.key: f for f in found.factors}
    keys, sizes = ("lung_trapping", "lung_release", "lung_loss", "debris_clearance"), (41, 13, 13, 161)
    nodes = [np.linspace(-4, 4, size) for size in sizes]
    z = np.meshgrid(*nodes, indexing="ij", sparse=True)
    f = {key: np.exp(by_key[key].spread * z[i]) for i, key in enumerate(keys)}
    odds = 4.0 * f["lung_trapping"]  # the product's 80 % held
    release, death = (
        kinetics.rate_of(rate).number * f[key]
        for rate, key in (("k_lung_release", "lung_release"), ("k_lung_death", "lung_loss"))
    )
    debris = kinetics.seen("debris_clearance").number * f["debris_clearance"]
    held, out = odds / (1 + odds), release + death
    gap = np.where(np.abs(out - debris) < 1e-9, 1e-9, out - debris)
    log = -0.5 * sum(x**2 for x in z)
    for day in kinetics.DAYS:
        mean, error = kinetics.observed(store)[f"lung-share-{day}"]
        lung = held * (np.exp(-out * day) + death * (np.exp(-debris * day) - np.exp(-out * day)) / gap)
        log = log - 0.5 * ((np.log(lung) - mean) / error) ** 2
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    for i, key in enumerate(keys):
        marginal = weights.sum(axis=tuple(j for j in range(4) if j != i))
        mean = marginal @ nodes[i]
        spread = np.sqrt(marginal @ (nodes[i] - mean) ** 2)
        drawn_ = np.log(found.draws[key]) / by_key[key].spread
        error = spread / np.sqrt(found.effective)
        assert drawn_.mean() == pytest.approx(mean, abs=5 * error), key
        assert drawn_.std() == pytest.approx(spread, rel=0.15), key
    untold = np.log(found.draws["organ_loss"]) / by_key["organ_loss"].spread
    assert untold.std() == pytest.approx(1, abs=0.08), "of which the images say nothing"


def test_a_factor_of_the_prior_depends_on_its_name_and_the_seed_alone() -> None:
    one, two = factors_of.prior_draws(list(FACTORS.values()), 50, 1), factors_of.prior_draws([FACTORS["two"]], 50, 1)
    assert np.array_equal(one["two"], two["two"]) and not np.array_equal(one["one"], one["two"])


def test_files_of_a_calibration_are_json_without_numbers_that_json_lacks(tmp_path: Path) -> None:
    from homing.credibility import files
    from homing.credibility.verdict_plain import rounded

    files._json(tmp_path / "a.json", {"x": rounded(float("nan")), "y": rounded(-np.inf), "z": 1.23456})
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"x": None, "y": None, "z": 1.23456}
    with pytest.raises(ValueError, match="JSON"):
        files._json(tmp_path / "b.json", {"x": float("nan")})
    assert not (tmp_path / "b.json").exists()
