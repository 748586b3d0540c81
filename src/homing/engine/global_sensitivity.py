"""How outputs answer to parameters that are far from their values: Morris screening and Sobol indices, by SALib."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.engine.run import compile_system
from homing.ground.errors import NumericsError, StudyError
from homing.mechanism.model import Model
from homing.protocol.events import Events

Method = Literal["morris", "sobol"]


@dataclass(frozen=True)
class GlobalSensitivity:
    """Indices of one output at one time. `columns` {name: (parameter,)}: `total` and `first` order shares of variance
    with half-widths of their 95 % intervals (Sobol), or `mu_star` and `sigma` in the output's unit (Morris).

    `runs` simulations, of which `failed` could not be integrated (they stop the analysis, since designs are whole).
    """

    method: Method
    parameters: tuple[str, ...]
    columns: dict[str, NDArray[np.float64]]
    runs: int


def global_sensitivity(
    model: Model,
    output: str,
    parameters: Sequence[str],
    time: float,
    *,
    method: Method = "sobol",
    span: float = 2.0,
    samples: int = 512,
    seed: int = 0,
    events: Events | None = None,
    rtol: float = 1e-5,
    threads: int = 1,
) -> GlobalSensitivity:
    """Vary parameters together, each log-uniformly between its value / `span` and its value x `span`.

    Arguments: `samples` a power of two for Sobol, trajectories for Morris; `events` of one patient, the same for all.
    Raises: StudyError for a parameter that is 0 (it has no range of that kind); NumericsError for a run that fails.

    Sources of the methods: M. D. Morris, Technometrics 33 (1991) 161; A. Saltelli et al., Computer Physics
    Communications 181 (2010) 259; both as SALib computes them.
    """
    base = model.parameters()
    zero = [name for name in parameters if base[name] <= 0]
    if zero:
        raise StudyError(f"'{zero[0]}' is {base[zero[0]]:g}: it has no range of factors. Leave it out.")
    problem = {
        "num_vars": len(parameters),
        "names": list(parameters),
        "bounds": [[-np.log(span), np.log(span)]] * len(parameters),
    }
    design = _design(problem, method, samples, seed)
    values = dict(base) | {name: base[name] * np.exp(design[:, j]) for j, name in enumerate(parameters)}
    compiled = compile_system(model.system, [output], list(parameters))
    one = events or Events.none(1)
    result = compiled.run(
        model.start(values, len(design)),
        values,
        _copies(one, len(design)),
        [time],
        side="right",
        rtol=rtol,
        threads=threads,
    )
    failed = int((~result.complete).sum())
    if failed:
        raise NumericsError(f"{failed} of {len(design)} runs could not be integrated. Give a smaller --span.")
    return GlobalSensitivity(
        method, tuple(parameters), _indices(problem, method, design, result[output][:, 0], seed), len(design)
    )


def _design(problem: dict[str, Any], method: Method, samples: int, seed: int) -> NDArray[np.float64]:
    if method == "morris":
        from SALib.sample import morris

        return np.asarray(morris.sample(problem, samples, seed=seed))
    from SALib.sample import sobol

    return np.asarray(sobol.sample(problem, samples, calc_second_order=False, seed=seed))


def _indices(
    problem: dict[str, Any], method: Method, design: NDArray[np.float64], y: ArrayLike, seed: int
) -> dict[str, NDArray[np.float64]]:
    answer = np.asarray(y, dtype=float)
    if np.ptp(answer) == 0:
        raise NumericsError("the output does not change at all with these parameters.")
    if method == "morris":
        from SALib.analyze import morris

        found = morris.analyze(problem, design, answer, seed=seed)
        names = {"mu_star": "mu_star", "mu_star_conf": "mu_star_conf", "sigma": "sigma", "mu": "mu"}
    else:
        from SALib.analyze import sobol

        found = sobol.analyze(problem, answer, calc_second_order=False, seed=seed)
        names = {"total": "ST", "total_conf": "ST_conf", "first": "S1", "first_conf": "S1_conf"}
    return {ours: np.asarray(found[theirs], dtype=float) for ours, theirs in names.items()}


def _copies(events: Events, copies: int) -> Events:
    """The events of one patient for many."""
    k = len(events.time)
    who = np.repeat(np.arange(copies), k)
    columns = [np.tile(x, copies) for x in (events.time, events.op, events.target, events.value, events.source)]
    return Events.from_rows(copies, who, *columns)
