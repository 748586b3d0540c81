"""What a calibration leaves behind: posterior, how the draws did, how the hold-outs were predicted; as files."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homing import __version__
from homing.credibility.calibration.posterior_files import SHIPPED, write
from homing.credibility.calibration.run import (
    FULL,
    QUICK,
    Calibration,
    Effort,
    Fit,
    model_version,
    parameters,
    rows_digest,
)
from homing.credibility.kinetic_hold_outs import KineticHoldOut, kinetics_plain
from homing.credibility.other_priors import UnderPrior, other_priors_plain
from homing.credibility.predictive_checks import Checks, checks_plain
from homing.credibility.scoring import Verdict
from homing.credibility.split import rows_of
from homing.credibility.verdict_plain import rounded, verdict_plain
from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder, whole_file
from homing.inference.draws import Limits
from homing.inference.rank_checks import Ranks

#: Counted up when the posterior that ships changes.
VERSION = "2"
SCORES, DIAGNOSTICS, CHECKS = "holdout-scores.json", "diagnostics.json", "predictive-checks.json"


@dataclass(frozen=True)
class Beside:
    """What stands beside draws and scores: kinetic hold-outs, checks, errors of emulators, other priors, and ranks."""

    kinetic: Sequence[KineticHoldOut]
    checks: Checks
    emulated: Mapping[str, Mapping[str, Mapping[str, float]]]
    others: Sequence[UnderPrior]
    ranks: Ranks | None


def write_calibration(found: Calibration, verdict: Verdict, beside: Beside, folder: Path) -> None:
    """Write posterior.yaml, draws.csv, holdout-scores.json, predictive-checks.json and diagnostics.json to a folder.

    Raises: StudyError naming a file that can't be written.
    """
    make_folder(folder)
    told = {
        "version": VERSION,
        "made": {
            "homing": __version__,
            "on": time.strftime("%Y-%m-%d", time.gmtime()),
            "data": "-".join(rows_digest(d) for d in (*found.fits, "kinetics")),
            "seed": str(found.seed),
            "effort": effort_name(found.effort),
        },
        **({} if is_final(found) else {"provisional": "yes"}),
        "public until": rows_of("calibration", "fistula").public_until,
        "diagnostics": _worst(found),
    }
    write(folder, parameters(found, SHIPPED), told)
    _json(folder / SCORES, {**verdict_plain(verdict), "kinetics": kinetics_plain(beside.kinetic)})
    _json(folder / CHECKS, checks_plain(beside.checks))
    diagnosed = diagnostics_plain(found, beside.ranks, kept_ranks(folder, found))
    for domain, outputs in beside.emulated.items():
        diagnosed["domains"][domain]["emulators at the posterior"] = outputs
    diagnosed["other priors"] = other_priors_plain(beside.others)
    _json(folder / DIAGNOSTICS, diagnosed)


def effort_name(effort: Effort) -> str:
    """'full', 'quick', or 'other'."""
    return {FULL: "full", QUICK: "quick"}.get(effort, "other")


def is_final(found: Calibration) -> bool:
    """Whether a posterior may be relied on: no less was spent than a release needs, and all draws have converged."""
    return not found.effort.falls_short_of(FULL) and all(fit.draws.converged for fit in found.fits.values())


def take_folder(folder: Path, effort: Effort, seed: int) -> None:
    """Make a calibration's folder, or see that what it holds is not of other settings and may be replaced.

    Raises: StudyError for a folder that can't be written, or that holds results of another effort or seed.
    """
    make_folder(folder)
    if not (folder / DIAGNOSTICS).exists():  # written last: without it nothing there is finished
        return
    try:
        there = json.loads((folder / DIAGNOSTICS).read_text(encoding="utf-8"))["effort"]
    except (OSError, ValueError, KeyError, TypeError):
        there = {}
    told = _effort(effort, seed)
    if there == told:
        return
    differing = ", ".join(
        f"{name} {there.get(name, 'unknown')} there, {x} here" for name, x in told.items() if there.get(name) != x
    )
    raise StudyError(
        f"holds the results of a calibration with other settings ({differing}), which would be lost. Choose another "
        "folder with --out, or take those results away.",
        str(folder),
    )


def _worst(found: Calibration) -> dict[str, str]:
    """The largest R-hat, the smallest effective sample size and all divergences, over the domains that were drawn."""
    rows = [r for fit in found.fits.values() for r in fit.draws.summary() if r.sd > 0]
    return {
        "r_hat": f"{max(r.rhat for r in rows):.4f}",
        "ess": f"{min(min(r.bulk, r.tail) for r in rows):.0f}",
        "divergences": str(sum(int(f.draws.divergences.sum()) for f in found.fits.values())),
    }


def kept_ranks(folder: Path, found: Calibration) -> Mapping[str, Any]:
    """The ranks that a folder's diagnostics hold from before, where they are of this effort, seed and model; or {}."""
    try:
        told = json.loads((folder / DIAGNOSTICS).read_text(encoding="utf-8"))
        same = told["effort"] == _effort(found.effort, found.seed) and told["ranks"]["model"] == _model(found)
        return dict(told["ranks"]) if same else {}
    except (OSError, ValueError, KeyError, TypeError):  # no file, none in it, or of a version that doesn't say of what
        return {}


def _effort(effort: Effort, seed: int) -> dict[str, Any]:
    return {**vars(effort), "seed": seed}


def _model(found: Calibration) -> str:
    """Of what the ranks are: the rows and cohorts of the fistula model, and its priors."""
    return model_version(found.fistula.table, found.fistula.design)


def diagnostics_plain(found: Calibration, ranks: Ranks | None, kept: Mapping[str, Any]) -> dict[str, Any]:
    """How the draws did and what was learnt, as plain data. Arguments: `kept` ranks from before, told without new."""
    learnt = parameters(found, SHIPPED)
    told: dict[str, Any] = {
        "effort": _effort(found.effort, found.seed),
        "domains": {name: _fit(fit, found.effort.limits) for name, fit in found.fits.items()},
        "kinetics": {"method": "importance weighting", "effective draws": rounded(found.kinetics.effective)},
        "shrinkage": {p.factor.key: rounded(p.shrinkage) for p in learnt},
        "at the prior": [p.factor.key for p in learnt if not p.informed],
    }
    if ranks is not None:
        told["ranks"] = {
            "model": _model(found),
            "replicates": len(ranks.ranks),
            "draws": ranks.draws,
            "failing": list(ranks.failing()),
            "histograms": {name: [int(x) for x in ranks.histogram(name)] for name in ranks.names},
            "chi-square p": {name: rounded(ranks.chi_square(name)) for name in ranks.names},
        }
    elif kept:
        told["ranks"] = kept
    return told


def _fit(fit: Fit, limits: Limits) -> dict[str, Any]:
    rows = fit.draws.summary()
    names = (*fit.unknowns.factors, *fit.unknowns.terms)
    worst = max((r for r in rows if r.sd > 0), key=lambda r: r.rhat)
    return {
        "chains": fit.draws.chains,
        "draws": fit.draws.draws,
        "divergences": [int(x) for x in fit.draws.divergences],
        "acceptance": [rounded(float(x)) for x in fit.draws.acceptance],
        "largest R-hat": {"name": worst.name, "value": rounded(worst.rhat)},
        "smallest bulk ESS": rounded(min(r.bulk for r in rows if r.sd > 0)),
        "smallest tail ESS": rounded(min(r.tail for r in rows if r.sd > 0)),
        "converged": not fit.draws.offences(rows),
        "limits": vars(limits),
        "within limits": not fit.draws.offences(rows, limits),
        "offences": [[o.name, o.what, rounded(o.value)] for o in fit.draws.offences(rows)],
        "parameters": {
            r.name: {
                "mean": rounded(r.mean),
                "sd": rounded(r.sd),
                "quantiles": [rounded(q) for q in r.quantiles],
                "R-hat": rounded(r.rhat),
                "bulk ESS": rounded(r.bulk),
                "tail ESS": rounded(r.tail),
            }
            for r in rows
            if r.name in names
        },
        "emulators": _emulators(fit),
    }


def _emulators(fit: Fit) -> dict[str, Any]:
    return {
        key: {
            "error in points": rounded(100 * e.error.rmse_share),
            "error in logits": rounded(e.error.rmse),
            "spread of standardised errors": rounded(e.error.spread),
        }
        for key, e in zip(fit.surface.outputs, fit.surface.emulators.each, strict=True)
    }


def _json(file: Path, content: Mapping[str, Any] | Sequence[Any]) -> None:
    with whole_file(file) as temporary:
        temporary.write_text(
            json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8"
        )
