"""Where given stromal cells go: what the label of infused cells says of their rates, and what it does not.

Infused cells are held in the lung or pass; held cells are released alive or die. A label outlives its cell: it stays in
the lung with the debris until phagocytes carry it to liver and spleen, so that the lung's activity is that of living
cells and of debris. What passes or leaves the lung is seen in liver and spleen; what the regions of interest miss (soft
tissue, attenuation) is taken to be the same share of all places, so only the lung's share of the activity in the three
organs is compared. Two readings, at once and on day 10, tell the share held and the rate of the debris; living cells
are long gone by then if they die as in mice, so death and release stay near their priors.

The rates are those of the mechanism (`biology.cells.product`), here without immune killing: the labelled cells were the
patients' own.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.credibility.calibration.factors import Factor, factor_of
from homing.evidence.catalogue import entry
from homing.evidence.profiles import load_profile
from homing.evidence.records import Kinetic
from homing.evidence.store import Store
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError
from homing.protocol import catalogue

PRODUCT, PROFILE = "bone-marrow-msc", "allogeneic-msc"
LABELLED, ARM = "Gholamrezanezhad-2011", "cells"
#: The organs whose activity is compared, the first of which holds the cells, and the days of the images.
ORGANS = ("lung", "liver", "spleen")
DAYS = (0, 10)
#: What is followed of the label: in living cells held in the lung, in debris there, elsewhere.
PLACES = ("held", "debris", "elsewhere")
#: Of so few patients the range spans about so many standard errors of the middle.
RANGE_SPANS = 4
_RATES = {"lung_release": "k_lung_release", "lung_loss": "k_lung_death", "organ_loss": "k_periphery_death"}


@functools.lru_cache(maxsize=1)
def factors() -> tuple[Factor, ...]:
    """What the design changes. `lung_trapping` multiplies the odds of being held, as what is held is a share."""
    because = "range of the share held, as odds, in the product"
    found = [factor_of("lung_trapping", ("f_lung_trapped",), odds(share_of("f_lung_trapped")), because)]
    for key, name in _RATES.items():
        found.append(factor_of(key, (f"product.{name}",), rate_of(name), "range of the rate in the profile"))
    because = "range of an assumed rate of the label; nothing in the mechanism has it"
    return (*found, factor_of("debris_clearance", ("label.debris_clearance",), seen("debris_clearance"), because))


def seen(key: str) -> Value:
    """What is needed beside the mechanism to say what is seen of cells: a value of catalogue/kinetics/labelled-msc."""
    return entry("kinetics", "labelled-msc").values("values")[key]


def rate_of(name: str) -> Value:
    """A rate of the cells, by its name in the module."""
    return load_profile(PROFILE)[f"product.{name}"]


def share_of(name: str) -> Value:
    """A share of the dose, by its name in the product."""
    return catalogue.product(PRODUCT).delivery[name]


def odds(share: Value) -> Value:
    """A share with its range as odds. Raises EvidenceError for one without a range."""
    if share.low is None or share.high is None:
        raise EvidenceError("a share that calibration may change needs a range. Give its catalogue entry one.")
    number, low, high = (x / (1 - x) for x in (share.number, share.low, share.high))
    return Value(number, "1", low, high, share.basis, because=share.because)


def held_share(theta: Mapping[str, Any]) -> Any:
    """The share of infused cells that the lung holds."""
    given = odds(share_of("f_lung_trapped")).number * theta.get("lung_trapping", 1.0)
    return given / (1 + given)


def label_course(theta: Mapping[str, float], days: ArrayLike) -> NDArray[np.float64]:
    """(day, place) shares of the label in the `PLACES`, which add up to 1: a chain of first-order steps.

    Held cells are lost by release and death together, exp(-k t); what died is debris that is carried off at the rate
    of `debris_clearance`.
    """
    t = np.atleast_1d(np.asarray(days, dtype=float))
    held, release, death, debris = _constants(theta)
    k = release + death
    alive = held * np.exp(-k * t)
    x = (k - debris) * t
    spread = np.divide(-np.expm1(-x), x, out=np.ones_like(x), where=np.abs(x) > 1e-12)  # 1 where the rates are equal
    in_debris = held * death * t * np.exp(-debris * t) * spread
    return np.stack([alive, in_debris, 1 - alive - in_debris], axis=1)


def _constants(theta: Mapping[str, float]) -> tuple[float, float, float, float]:
    """Share held; rates of release, of death, of the debris (1/d)."""
    release, death = (rate_of(_RATES[key]).number * theta.get(key, 1.0) for key in ("lung_release", "lung_loss"))
    return held_share(theta), release, death, seen("debris_clearance").number * theta.get("debris_clearance", 1.0)


def outputs() -> tuple[str, ...]:
    """The names of what `simulate` returns: the lung's share of the activity in the three organs, by day."""
    return tuple(f"lung-share-{day}" for day in DAYS)


def simulate(theta: Mapping[str, float]) -> dict[str, float]:
    """The lung's share of the activity in lung, liver and spleen. `theta`: factors by key; 1 for one not named."""
    course = label_course(theta, DAYS)
    return dict(zip(outputs(), (float(x) for x in course[:, 0] + course[:, 1]), strict=True))


def observed(store: Store) -> dict[str, tuple[float, float]]:
    """What the images showed, by the names of `outputs`: logarithm of the lung's share, and its standard error.

    The shares of the middles of the printed ranges; the standard error is a quarter of the range of the logarithm that
    the ends of the ranges allow.
    """
    found = {}
    for day, name in zip(DAYS, outputs(), strict=True):
        ends = [(k.low, k.high) for k in (_reading(store, organ, day) for organ in ORGANS)]
        (low, high), *others = [(a, b) for a, b in ends if a is not None and b is not None]
        rest_low, rest_high = (sum(pair[i] for pair in others) for i in (0, 1))
        middle = (low + high) / (low + high + rest_low + rest_high)
        reach = math.log(high / (high + rest_low)) - math.log(low / (low + rest_high))
        found[name] = (math.log(middle), reach / RANGE_SPANS)
    return found


def _reading(store: Store, organ: str, day: float) -> Kinetic:
    for kinetic in store.trial(LABELLED).kinetics:
        if (kinetic.arm, kinetic.what, kinetic.day) == (ARM, f"{organ} activity after 111In label", float(day)):
            return kinetic
    raise EvidenceError(f"the store has no activity of the {organ} on day {day:g}.", f"catalogue/trials/{LABELLED}")


def living(theta: Mapping[str, ArrayLike], days: ArrayLike) -> NDArray[np.float64]:
    """(draw,) share of infused cells alive anywhere at a day of each draw: lung, blood and other organs.

    The mechanism's chain without homing to the gut (about 1 % of cells) and without immune killing, solved exactly.
    Arguments: `theta` factors by key, numbers or (draw,); `days` (draw,).
    """
    from scipy.linalg import expm

    t = np.asarray(days, dtype=float)
    release, death, loss = (rate_of(_RATES[k]).number * np.broadcast_to(theta.get(k, 1.0), t.shape) for k in _RATES)
    out, back, in_blood = (
        rate_of(name).number for name in ("k_blood_to_periphery", "k_periphery_to_blood", "k_blood_death")
    )
    rates = np.zeros((*t.shape, 3, 3))
    rates[..., 0, 0] = -(release + death)
    rates[..., 1, 0], rates[..., 1, 1], rates[..., 1, 2] = release, -(out + in_blood), back
    rates[..., 2, 1], rates[..., 2, 2] = out, -(loss + back)
    held = np.broadcast_to(held_share(theta), t.shape)
    start = np.stack([held, 1 - held, np.zeros_like(held)], axis=-1)
    return np.asarray(np.einsum("...ij,...j->...", expm(rates * t[..., None, None]), start))
