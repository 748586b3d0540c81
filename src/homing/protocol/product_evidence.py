"""What the evidence store and the profile say of a product: patients, doses used in trials, what is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from homing.evidence.profiles import read_profile
from homing.evidence.records import Arm, Trial
from homing.evidence.store import Store
from homing.evidence.values import BASES, Value
from homing.ground.units import split_quantity
from homing.protocol.product import Product

#: Diseases of trials that are inflammatory bowel disease.
IBD = ("crohn", "ulcerative-colitis")


@dataclass(frozen=True)
class DoseRange:
    """Nominal doses of a product's trials: `low` to `high` in `unit` (cell or cell/kg)."""

    low: float
    high: float
    unit: str
    trials: tuple[str, ...]

    @property
    def text(self) -> str:
        """The range as doses are written: '2e6 to 8e6 cells/kg'."""
        unit = self.unit.replace("cell", "cells")
        ends = [_short(x) for x in dict.fromkeys((self.low, self.high))]
        return f"{' to '.join(ends)} {unit}"


@dataclass(frozen=True)
class TrialPatients:
    """How many patients of a trial had the product; 0 where no source says it. `has_ibd`: it is a trial in IBD.

    `is_planned`: the trial goes on, and the number is what it aims at. `shares_patients`: they stand in a trial before
    it too (a follow-up, a subset).
    """

    trial: str
    patients: int
    is_randomised: bool
    is_planned: bool
    shares_patients: bool
    has_ibd: bool


def trial_patients(product: Product, store: Store) -> tuple[TrialPatients, ...]:
    """The product's trials with the patients who had it, in the order of its entry."""
    found: list[TrialPatients] = []
    for key in product.trials:
        trial = store.trial(key)
        again = any(store.share_patients(f.trial, key) for f in found)
        planned = trial.status == "ongoing" and not trial.outcomes
        found.append(
            TrialPatients(
                key, _patients(trial, _arms(product, trial)), trial.randomised, planned, again, trial.disease in IBD
            )
        )
    return tuple(found)


def patients_treated(product: Product, store: Store, *, ibd: bool = True) -> int:
    """Patients with IBD (or, if not `ibd`, with another disease) who had the product in its trials.

    Those of follow-ups and subsets count once, planned ones not at all.
    """
    trials = [t for t in trial_patients(product, store) if t.has_ibd == ibd]
    return sum(t.patients for t in trials if not (t.shares_patients or t.is_planned))


def dose_ranges(product: Product, store: Store) -> tuple[DoseRange, ...]:
    """The range of nominal doses in the product's trials: whole doses, then doses per kg; none where none is stated.

    Arms with a dose of their own count, and doses that a trial has in words only, as the entry's `doses` state them.
    """
    by_unit: dict[str, list[tuple[float, str]]] = {"cell": [], "cell/kg": []}
    for key in product.trials:
        for arm in _arms(product, store.trial(key)):
            if arm.dose is not None:
                by_unit["cell/kg" if arm.dose_per_kg else "cell"].append((arm.dose, key))
    for stated in product.doses:
        for text in (stated.low, stated.high):
            number, unit = split_quantity(text)
            by_unit.setdefault(unit.replace("cells", "cell"), []).append((number, stated.trial))
    return tuple(
        DoseRange(min(d)[0], max(d)[0], unit, tuple(dict.fromkeys(trial for _, trial in d)))
        for unit, d in by_unit.items()
        if d
    )


def known_values(product: Product) -> Mapping[str, Value]:
    """Every value that makes the mechanism this product: profile, what replaces it, and `delivery.` shares."""
    delivery = {f"delivery.{name}": value for name, value in product.delivery.items()}
    return {**read_profile(product.profile).values, **product.overrides, **delivery}


def by_basis(product: Product) -> dict[str, tuple[str, ...]]:
    """Names of the product's values by how they are known: measured, estimated, assumed."""
    values = known_values(product)
    return {basis: tuple(name for name, value in values.items() if value.basis == basis) for basis in BASES}


def sources_of(product: Product) -> tuple[str, ...]:
    """Every source that the entry cites, in the order of its parts."""
    said = [product.stage] if product.stage else []
    said += [*product.regulatory, *product.strengths, *product.weaknesses]
    groups: list[Iterable[str]] = [s.sources for s in said]
    groups += [s.sources for s in product.status]
    groups += [c.sources for c in product.release]
    groups += [(value.source,) for value in known_values(product).values() if value.source]
    return tuple(dict.fromkeys(key for group in groups for key in group))


def _arms(product: Product, trial: Trial) -> list[Arm]:
    arms = [arm for arm in trial.arms.values() if arm.role != "control"]
    mine = [arm for arm in arms if arm.product == product.key]
    return mine or [arm for arm in arms if arm.treatment in product.treatments]


def _patients(trial: Trial, arms: list[Arm]) -> int:
    """Patients of some arms of a trial, each once."""
    return sum(trial.arms[key].n for key in trial.once(arm.key for arm in arms))


def _short(x: float) -> str:
    mantissa, _, power = f"{x:.3e}".partition("e")
    return f"{float(mantissa):g}e{int(power)}" if abs(x) >= 1e4 else f"{x:g}"
