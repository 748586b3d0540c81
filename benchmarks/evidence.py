"""How long the statistics of the evidence take, beside PyMARE where it does the same.

python -m benchmarks.evidence
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from homing.evidence.store import load_store
from homing.synthesis.battery import of_one_arm, of_two_arms
from homing.synthesis.effect_continuous import effect_of_estimates
from homing.synthesis.heterogeneity import tau2_of
from homing.synthesis.pool import pool
from homing.synthesis.question import counts_of


def seconds(run: Callable[[], object], times: int = 5) -> float:
    """The median of several runs, after one that warms up."""
    run()
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        run()
        taken.append(time.perf_counter() - start)
    return float(np.median(taken))


def main() -> None:
    """Print the times and ratios."""
    random = np.random.default_rng(1)
    v = random.uniform(0.02, 0.5, 1000)
    y = random.normal(0.3, np.sqrt(0.1 + v))
    effects = effect_of_estimates(y, v)
    ours = seconds(lambda: pool(effects, "REML"))
    print(f"REML, Knapp-Hartung, Q-profile and prediction interval of 1,000 studies: {1000 * ours:.1f} ms")
    try:
        from pymare import Dataset
        from pymare.estimators import VarianceBasedLikelihoodEstimator
    except ImportError:
        print("PyMARE: not found on this machine")
    else:
        data = Dataset(y=y, v=v)
        theirs = seconds(lambda: VarianceBasedLikelihoodEstimator(method="REML").fit_dataset(data).summary(), 3)
        alone = seconds(lambda: tau2_of(y, v, np.ones((len(y), 1)), "REML"))
        print(f"REML alone: {1000 * alone:.1f} ms; PyMARE {1000 * theirs:.1f} ms: {theirs / alone:.1f} times as long")
    store = load_store()
    start = time.perf_counter()
    for key in store.questions:
        trials, singles = store.comparisons(key), store.single_arms(key)
        if trials:
            of_two_arms(*counts_of(trials))
        if singles:
            of_one_arm([s.counts.events for s in singles], [s.counts.n for s in singles])
    print(f"every method on every question of the store: {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
