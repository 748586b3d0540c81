"""What the evidence store says of one product in one kind of patient: how many trials, their sum and their bias."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from homing.evidence.records import Comparison, Pair, SingleArm, Trial
from homing.evidence.store import Store, joined
from homing.protocol import catalogue
from homing.synthesis.pool import Pooled, pool
from homing.synthesis.question import effects_of

Phenotype = Literal["fistula", "luminal-crohn", "colitis"]
_Item = TypeVar("_Item", Comparison, SingleArm)
Verdict = Literal["supports", "against", "disagrees", "unclear", "uncontrolled", "none"]


@dataclass(frozen=True)
class Known:
    """Trials of one kind of cell in one kind of patient.

    `controlled` are the comparisons with a control that can be pooled, `pooled` their risk difference; `randomised`
    counts randomised trials with such an arm whether they can be pooled or not; `reported` are all trials and series,
    of any design, that tell anything of such an arm; `alone` are arms without control. `bias` counts the controlled
    trials by their judged risk of bias.
    """

    controlled: tuple[Comparison, ...]
    alone: tuple[SingleArm, ...]
    randomised: tuple[Trial, ...]
    pooled: Pooled | None
    verdict: Verdict
    bias: Mapping[str, int] = field(default_factory=dict)
    reported: tuple[Trial, ...] = ()

    @property
    def is_tested(self) -> bool:
        """Whether such patients were given these cells in any trial or series that the store knows of."""
        return bool(self.reported or self.randomised)

    @property
    def patients(self) -> int:
        """Patients of the controlled comparisons, both arms."""
        return sum(c.candidate.n + c.control.n for c in self.controlled)

    @property
    def sources(self) -> list[str]:
        """The sources of all counts, each once."""
        return list(dict.fromkeys([*(s for c in self.controlled for s in c.sources), *(s.source for s in self.alone)]))


def phenotype_of(disease: str, has_fistula: bool) -> Phenotype:
    """The kind of patient by disease and whether there is a fistula to close."""
    if disease == "ulcerative-colitis":
        return "colitis"
    return "fistula" if has_fistula else "luminal-crohn"


def known_of(store: Store, product: str, phenotype: Phenotype, by_vein: bool = False) -> Known:
    """What the store holds of a product of the catalogue (or of its kind of cell) in patients of a phenotype.

    Trials of fistulas injected the cells into the tract unless they say otherwise; with `by_vein` only those count
    that gave them into a vein.
    """
    kinds = catalogue.product(product).treatments

    def mine(trial: Trial, arm: str) -> bool:
        found = trial.arms[arm]
        if phenotype == "fistula" and by_vein != ("intraven" in found.route.lower()):
            return False
        return found.product == product or found.treatment in kinds

    controlled: dict[str, Comparison] = {}
    alone: dict[str, SingleArm] = {}
    questions = sorted(store.questions, key=lambda key: (-len(store.questions[key].comparisons), key))
    for key in questions:
        for c in store.comparisons(key):
            first = joined(c.pair.candidate)[0]
            if _tells(store, c.pair) and _fits(c.trial, phenotype) and mine(c.trial, first):
                _add_once(store, controlled, c)
        for s in store.single_arms(key):
            if _tells(store, s.pair) and _fits(s.trial, phenotype) and mine(s.trial, s.arm.key):
                _add_once(store, alone, s)
    singles = tuple(s for key, s in alone.items() if not any(store.share_patients(key, c) for c in controlled))
    gave = tuple(
        t
        for t in store.trials.values()
        if _fits(t, phenotype) and any(arm.role != "control" and mine(t, key) for key, arm in t.arms.items())
    )
    randomised = tuple(
        t for t in gave if t.randomised and any(a.role == "candidate" and mine(t, k) for k, a in t.arms.items())
    )
    reported = tuple(t for t in gave if t.outcomes or t.adverse_events or t.kinetics)
    comparisons = tuple(controlled.values())
    pooled = pool(effects_of(comparisons, zeros="add-half")) if comparisons else None
    bias = Counter(c.trial.risk_of_bias.get("overall", "no information") for c in comparisons)
    return Known(comparisons, singles, randomised, pooled, _verdict(comparisons, singles, pooled), dict(bias), reported)


def _tells(store: Store, pair: Pair) -> bool:
    """Whether a count is of a benefit: a share that is the better the higher it is."""
    return store.better(pair.endpoint) == "higher"


def _add_once(store: Store, found: dict[str, _Item], item: _Item) -> None:
    """Keep a trial of a question, unless one before it holds its patients."""
    if not any(store.share_patients(item.trial.key, key) for key in found):
        found[item.trial.key] = item


def _fits(trial: Trial, phenotype: Phenotype) -> bool:
    if phenotype == "colitis":
        return trial.disease == "ulcerative-colitis"
    fistula = "fistula" in trial.phenotype.get("en", "").lower()
    return trial.disease == "crohn" and fistula == (phenotype == "fistula")


def _verdict(controlled: tuple[Comparison, ...], alone: tuple[SingleArm, ...], pooled: Pooled | None) -> Verdict:
    if pooled is None:
        return "uncontrolled" if alone else "none"
    ends = [_own(c) for c in controlled]
    if any(low > 0 for low, _ in ends) and any(low <= 0 for low, _ in ends) and pooled.low <= 0:
        return "disagrees"
    if pooled.low > 0:
        return "supports"
    return "against" if pooled.high < 0 else "unclear"


def _own(c: Comparison) -> tuple[float, float]:
    """The 95 % interval of one trial's risk difference."""
    p, q = c.candidate.events / c.candidate.n, c.control.events / c.control.n
    half = 1.959964 * (p * (1 - p) / c.candidate.n + q * (1 - q) / c.control.n) ** 0.5
    return p - q - half, p - q + half
