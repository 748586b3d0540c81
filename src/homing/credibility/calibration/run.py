"""Calibrate: simulate the designs, fit the emulators, draw the posterior; each step is kept and taken up again."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration import data, fistula, fistula_model, kinetics_fit, luminal, luminal_model
from homing.credibility.calibration.design import Design, Progress, run_design
from homing.credibility.calibration.factors import prior_draws
from homing.credibility.calibration.posterior_files import Parameter, thinned
from homing.credibility.calibration.surface import Surface
from homing.credibility.calibration.unknowns import Unknowns, unknowns
from homing.credibility.split import digest, rows_of, sealed
from homing.evidence.root import catalogue_root
from homing.evidence.store import Store, load_store
from homing.ground.cache import key_of
from homing.inference.draws import CONVERGED, ROUGH, Draws, Limits

#: Year to which the drift of control arms is taken for a new trial, in decades from 2014, and its centres.
NEW_TRIAL_DECADES, NEW_TRIAL_CENTRES = 0.6, 50.0


@dataclass(frozen=True)
class Effort:
    """How much is spent: design points and patients of each domain, warm-up and draws of each of `chains`.

    `checked` draws of the posterior are simulated beside the calibration's own trials, half of them beside emulators.
    A `rough` one is for a try: its draws are held to looser limits, beyond which the fit itself is broken.
    """

    points: int = 256
    fistula_patients: int = 4000
    luminal_patients: int = 2000
    warmup: int = 1000
    draws: int = 1500
    chains: int = 4
    checked: int = 40
    rough: bool = False

    @property
    def limits(self) -> Limits:
        """What its draws must keep to."""
        return ROUGH if self.rough else CONVERGED

    def falls_short_of(self, other: Effort) -> bool:
        """Whether less is spent on anything than by another."""
        return any(getattr(self, f.name) < getattr(other, f.name) for f in fields(self))


FULL = Effort()
#: For a try and for tests: minutes become seconds, and intervals are rough.
QUICK = Effort(
    points=48, fistula_patients=300, luminal_patients=300, warmup=300, draws=300, chains=2, checked=8, rough=True
)


@dataclass(frozen=True)
class Fit:
    """One domain's posterior: its unknowns and design, the surface, the rows with their events, and the draws."""

    unknowns: Unknowns
    design: Design
    surface: Surface
    table: Any
    events: NDArray[np.int64]
    draws: Draws

    def flat(self) -> dict[str, NDArray[np.float64]]:
        """The draws by name, chains one after another."""
        return {name: self.draws.flat(name) for name in self.draws.values}


@dataclass(frozen=True)
class Calibration:
    """What calibration found: fits by domain, draws of the kinetics, the effort, the seed, and the folder."""

    fistula: Fit
    luminal: Fit
    kinetics: kinetics_fit.KineticsFit
    effort: Effort
    seed: int
    folder: Path

    @property
    def fits(self) -> Mapping[str, Fit]:
        """The fits that were drawn by NUTS, by domain."""
        return {fistula.DOMAIN: self.fistula, luminal.DOMAIN: self.luminal}


def calibrate(
    folder: Path,
    effort: Effort = FULL,
    seed: int = 2019,
    threads: int = 1,
    progress: Progress = lambda step, done, total: None,
    store: Store | None = None,
) -> Calibration:
    """Calibrate every domain, or take up what an earlier call left in `folder`.

    Reads nothing of hold-out results: the store is sealed first. Raises: HomingError without numpyro.
    """
    from homing.inference.sampling import backend

    backend()
    known = sealed(store or load_store())
    surface, design = fistula_surface(folder, effort, seed, threads, progress)
    first = fit_fistula(known, surface, design, folder, effort, seed, progress)
    surface, design = luminal_surface(folder, effort, seed, threads, progress)
    gut = data.luminal_data(known, "calibration", design.outputs)
    second = _sample(luminal.DOMAIN, luminal_model.model, gut, design, surface, folder, effort, seed, progress)
    return Calibration(first, second, kinetics_fit.fit(known, seed), effort, seed, folder)


def fistula_surface(
    folder: Path, effort: Effort, seed: int, threads: int = 1, progress: Progress = lambda step, done, total: None
) -> tuple[Surface, Design]:
    """The design of the fistula simulated, or read back, and its emulators."""
    outputs = fistula.all_outputs()
    cohorts = fistula.cohorts(effort.fistula_patients, seed, threads)
    design = run_design(
        unknowns(fistula.DOMAIN),
        [output.key for output in outputs],
        lambda changes: cohorts.events(changes, outputs),
        effort.points,
        seed,
        {"patients": effort.fistula_patients, "model": model_hash(), "regimens": fistula.regimens_told()},
        folder / "designs",
        progress,
    )
    return _surface(design, progress), design


def luminal_surface(
    folder: Path, effort: Effort, seed: int, threads: int = 1, progress: Progress = lambda step, done, total: None
) -> tuple[Surface, Design]:
    """The design of luminal disease simulated, or read back, and its emulators."""
    design = run_design(
        unknowns(luminal.DOMAIN),
        luminal.outputs(),
        lambda changes: luminal.simulate(changes, effort.luminal_patients, seed, threads),
        effort.points,
        seed,
        {"patients": effort.luminal_patients, "model": model_hash()},
        folder / "designs",
        progress,
    )
    return _surface(design, progress), design


def fit_fistula(
    known: Store,
    surface: Surface,
    design: Design,
    folder: Path,
    effort: Effort,
    seed: int,
    progress: Progress = lambda step, done, total: None,
) -> Fit:
    """The posterior of the fistula domain from a sealed store, under the priors of the design's unknowns."""
    tract = data.fistula_data(known, "calibration", design.outputs)
    return _sample(fistula.DOMAIN, fistula_model.model, tract, design, surface, folder, effort, seed, progress)


def _surface(design: Design, progress: Progress) -> Surface:
    step = f"emulate {design.unknowns.domain}"
    progress(step, 0, 1)
    found = Surface(design.outputs, design.emulators())
    progress(step, 1, 1)
    return found


def _sample(
    domain: str,
    model: Callable[..., None],
    seen: data.FistulaData | data.LuminalData,
    design: Design,
    surface: Surface,
    folder: Path,
    effort: Effort,
    seed: int,
    progress: Progress,
) -> Fit:
    from homing.inference.sampling import sample

    def joint(events: Any) -> None:
        model(seen.table, design.unknowns, surface, events)

    draws = sample(
        joint,
        seed,
        warmup=effort.warmup,
        draws=effort.draws,
        chains=effort.chains,
        folder=folder / "chains",
        progress=lambda done, total: progress(f"draw {domain}", done, total),
        model_args=(seen.events,),
        target_accept=0.95,
        version=model_version(seen.table, design),
    )
    return Fit(design.unknowns, design, surface, seen.table, seen.events, draws)


def model_version(table: Any, design: Design) -> str:
    """What draws depend on beside the events, as a hash: the rows and how their trials observe, priors, and cohorts."""
    known = design.unknowns
    told = [[f.key, f.median, f.spread, *f.design] for f in known.factors.values()]
    told += [[t.key, t.kind, t.centre, t.spread] for t in known.terms.values()]
    arrays = (design.points, design.events, design.patients)
    rows = {f.name: np.asarray(getattr(table, f.name)).tolist() for f in fields(table)}
    return key_of(told, rows, [hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest() for a in arrays])


def rows_digest(domain: str) -> str:
    """What the calibration rows of a domain say and come to, as a hash."""
    names, known = data.LUMINAL if domain == luminal.DOMAIN else (domain,), sealed(load_store())
    return "-".join(digest(rows_of("calibration", name), known) for name in names)


#: What simulated cohorts depend on: folders and files of the package that are hashed, and folders of the catalogue.
_BEHIND = ("biology", "mechanism", "patients", "protocol", "engine", "endpoints")
_BEHIND_FILES = ("study/simulator.py", "study/machines.py", "evidence/profiles.py")
_OWN = ("fistula", "luminal", "relapse", "reset")
_BEHIND_DATA = (
    *("profiles", "populations", "procedures", "products", "drugs", "endpoints", "routes", "carriers"),
    *("covariates", "baselines"),
)


@functools.lru_cache(maxsize=1)
def model_hash() -> str:
    """A hash of the code and the values that simulated cohorts depend on."""
    root = catalogue_root()
    files = [f for folder in _BEHIND for f in (root.parent / folder).rglob("*.py")]
    files += [root.parent / name for name in _BEHIND_FILES]
    files += [root.parent / "credibility" / "calibration" / f"{name}.py" for name in _OWN]
    files += [f for folder in _BEHIND_DATA for f in (root / folder).rglob("*.yaml")]
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(file.relative_to(root.parent).as_posix().encode() + b"\0" + file.read_bytes())
    return found.hexdigest()[:16]


def parameters(found: Calibration, draws: int) -> tuple[Parameter, ...]:
    """The posterior of every factor for a new trial, as `draws` draws (or all there are) that belong together by row.

    Trials differ: the closing and the effect are those of one more trial in fistulas of Crohn's disease, in many
    centres, of the year in which calibration's data end.
    """
    tract, gut = found.fistula.flat(), found.luminal.flat()
    draws = min(draws, len(tract["drift"]), len(gut["gut_flares"]))
    at = thinned(len(tract["drift"]), draws)
    new = {name: column[at] for name, column in tract.items()}
    one = replace(
        found.fistula.table,
        trials=("a new trial",),
        others=np.zeros(1),
        decades=np.array([NEW_TRIAL_DECADES]),
        centres=np.array([NEW_TRIAL_CENTRES]),
    )
    g = np.random.default_rng(found.seed + 1)
    for name in (fistula_model.CLOSING, fistula_model.EFFECT):
        new[name] = g.standard_normal((len(at), 1))
    closing, effect = fistula_model.of_trials(new, one, np)
    columns = {
        "fistula_closing": np.exp(closing[:, 0]),
        "cell_effect": np.exp(effect[:, 0]),
        "reopening": np.exp(new["reopening"]),
        "half_dose": np.exp(new["half_dose"]),
    }
    trials = {fistula.DOMAIN: found.fistula.table.trials, luminal.DOMAIN: found.luminal.table.trials}
    rows = [
        Parameter(f, columns[key], True, trials[fistula.DOMAIN], np.exp(tract[key]))
        for key, f in found.fistula.unknowns.factors.items()
    ]
    among = thinned(len(gut["gut_flares"]), draws)
    rows += [
        Parameter(f, np.exp(gut[key][among]), True, trials[luminal.DOMAIN], np.exp(gut[key]))
        for key, f in found.luminal.unknowns.factors.items()
    ]
    rows += found.kinetics.parameters(draws)
    alone = unknowns("prior-only").factors
    drawn = prior_draws(tuple(alone.values()), draws, found.seed)
    rows += [Parameter(f, drawn[key], False, ()) for key, f in alone.items()]
    return tuple(rows)
