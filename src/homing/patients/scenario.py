"""Scenario: a named set of assumptions about what the trials leave open, as factors on values of the mechanism.

A file of catalogue/scenarios/ has

    name: {en: ..., zh: ...}
    note: {en: ..., zh: ...}

and one of

    posterior: draws                            # every patient with one draw of the posterior, jointly
    quantile: '0.1'                             # every parameter of the posterior at one point: 0 is sceptical
    multiply:                                   # set by hand: parameters by full name, covariates, rates of events
      tract.efferocytosis_clearance: {value: '0.15', basis: assumed, because: ...}

A scenario holds from week 0 and for every product alike, so that products are compared under the same assumptions: what
a factor bears on (healing by MSC, suppression by Treg, memory that outlives conditioning) tells them apart. The states
in which patients enter are those of the catalogue's own values.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.trial_entries import read_trial
from homing.evidence.values import Value
from homing.ground.credible import Credible, credible
from homing.ground.errors import EvidenceError
from homing.patients.population import SURVIVING
from homing.patients.posterior import Posterior, PosteriorParameter, posterior

#: The scenario that is the posterior itself.
POSTERIOR = "posterior"
_KINDS = ("posterior", "quantile", "multiply")


@dataclass(frozen=True)
class Scenario:
    """A named set of factors, by parameter ('tract.k_close'), covariate ('memory_survival') or rate of events.

    `multiply` has one Value for each, in a scenario of draws the median with the central 90 %; `draws` is the
    posterior whose draws the patients take, None where all take the same factor. `rests_on_posterior`: it
    is the posterior or a summary of it.
    """

    key: str
    name: Mapping[str, str]
    note: Mapping[str, str]
    multiply: Mapping[str, Value]
    sources: tuple[str, ...] = ()
    draws: Posterior | None = field(default=None, repr=False)
    rests_on_posterior: bool = False

    def factor(self, name: str, ids: ArrayLike | None = None) -> float | NDArray[np.float64]:
        """The factor on a parameter, covariate or rate; 1 where the scenario says nothing of it.

        Arguments: `ids` numbers of patients. With them a scenario of draws gives (patient,), each patient's own draw;
        without them the median.
        """
        if name not in self.multiply:
            return 1.0
        if self.draws is not None and ids is not None:
            return self.draws.factor(name, ids)
        return self.multiply[name].number

    def apply(
        self, values: Mapping[str, NDArray[np.float64]], ids: ArrayLike | None = None
    ) -> dict[str, NDArray[np.float64]]:
        """Values of patients by name with the factors applied; names that it does not multiply stay as they are.

        A share of what is there before stays at most 1.
        """
        found = {name: np.asarray(column * self.factor(name, ids)) for name, column in values.items()}
        return found | {name: np.minimum(found[name], 1.0) for name in SURVIVING if name in found}

    def over_draws(self, values: NDArray[np.float64], ids: ArrayLike, level: float = 0.95) -> Credible | None:
        """The mean outcome with its interval over the draws that patients with these numbers took.

        None where the scenario has no draws, or where the patients are too few to tell draws apart.
        """
        if self.draws is None:
            return None
        at = self.draws.design(int(np.count_nonzero(~np.isnan(values))))
        found = credible(values, self.draws.draw_of(ids), at, level=level)
        return None if np.isnan(found.low) else found


#: Nothing is multiplied: the catalogue's own values. What calibration starts from.
PLAIN = Scenario("plain", {"en": "plain", "zh": "目录原值"}, {}, {})


@functools.lru_cache(maxsize=64)
def scenario(key: str) -> Scenario:
    """A scenario of the catalogue. Raises StudyError for an unknown key, EvidenceError for a faulty entry."""
    return read_scenario(entry("scenarios", key))


def scenarios() -> tuple[Scenario, ...]:
    """Every scenario of the catalogue, by key."""
    return tuple(scenario(key) for key in names("scenarios"))


def read_scenario(e: Entry) -> Scenario:
    """A scenario from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields("name", "note", *_KINDS, "sources", required=("name",))
    kinds = [kind for kind in _KINDS if kind in e.data]
    if len(kinds) != 1:
        raise EvidenceError(f"a scenario has one of {', '.join(_KINDS)}.", e.where)
    draws = None
    if kinds == ["posterior"]:
        e.one_of("posterior", ("draws",))
        draws = posterior()
        multiply = {name: of_draws(draws, p) for name, p in draws.multiplied.items()}
    elif kinds == ["quantile"]:
        multiply = {name: at_point(posterior(), p, _point(e)) for name, p in posterior().multiplied.items()}
    else:
        multiply = e.values("multiply", "1")
        for name, value in multiply.items():
            if value.number < 0:
                raise EvidenceError("a factor is zero or more.", e.part("multiply", name).where)
    return Scenario(
        key=e.key,
        name=e.both_languages("name"),
        note=e.both_languages("note") if "note" in e.data else {},
        multiply=multiply,
        sources=e.sources(),
        draws=draws,
        rests_on_posterior=kinds != ["multiply"],
    )


def of_draws(found: Posterior, parameter: PosteriorParameter) -> Value:
    """A parameter of the posterior as a Value: the median of its draws and the ends of their central 90 %."""
    low, middle, high = (found.quantile(parameter.key, p) for p in (0.05, 0.5, 0.95))
    return _value(found, parameter, middle, (low, high))


def at_point(found: Posterior, parameter: PosteriorParameter, p: float) -> Value:
    """A parameter of the posterior as a Value at a point from scepticism (0) to optimism (1)."""
    return _value(found, parameter, found.optimism(parameter.key, p), (None, None))


def _value(
    found: Posterior, parameter: PosteriorParameter, number: float, ends: tuple[float | None, float | None]
) -> Value:
    """A factor with what it rests on: estimated from trials, or assumed where it stays at its prior."""
    if parameter.informed:
        how = f"posterior {found.version}, from {', '.join(parameter.trials)}"
        return Value(number, "1", *ends, basis="estimated", source=_source(parameter.trials), how=how)
    told = "what bears on it taught next to nothing" if parameter.trials else "no trial bears on it"
    because = f"posterior {found.version}: {told}, so it stays at its prior"
    return Value(number, "1", *ends, basis="assumed", because=because)


def _source(trials: tuple[str, ...]) -> str:
    """The source of the first trial: a Value has one, and `how` names the other trials."""
    for trial in trials:
        if found := read_trial(entry("trials", trial)).sources:
            return found[0]
    return ""


def _point(e: Entry) -> float:
    """The point of a summary, between 0 and 1. Raises EvidenceError for anything else."""
    try:
        point = float(e.text("quantile"))
    except ValueError:
        point = -1.0
    if not 0 < point < 1:
        raise EvidenceError(
            "a quantile lies between 0 and 1: 0.1 is sceptical, 0.9 optimistic.", e.part("quantile").where
        )
    return point
