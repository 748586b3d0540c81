"""Write the pages of what calibrates the model and of how it did on trials that it had not seen, with their pictures.

Run after the files of `homing calibrate` were taken into catalogue/posterior: `python tools/credibility_pages.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from homing.credibility.calibration.unknowns import domains, unknowns
from homing.credibility.shipped import shipped_checks, shipped_diagnostics, shipped_verdict
from homing.credibility.split import count, row_sets
from homing.evidence.catalogue import entry, names
from homing.evidence.store import Store, load_store
from homing.patients.posterior import posterior
from homing.report import credibility_page
from homing.report.credibility_figures import courses, unknown_name
from homing.report.credibility_tables import FIRST
from homing.report.words import Words

DOCS = Path(__file__).parents[1] / "docs" / "explanation"
PICTURES = DOCS / "credibility"
#: A cohort that prints a perianal score before treatment.
BEFORE_AND_AFTER = "Darva-Austria-2023"


def main() -> None:
    """Write both pages and the pictures."""
    store, words = load_store(), Words("en")
    made = credibility_page.pictures_of(store)
    for old in PICTURES.glob("*.svg"):
        old.unlink()
    credibility_page.save_pictures(made, PICTURES, words, png=False)
    (DOCS / "calibration.md").write_text("\n".join(calibration_page(store, words)) + "\n", encoding="utf-8")
    (DOCS / "held-out-trials.md").write_text(
        "\n".join(hold_out_page(store, words, list(made))) + "\n", encoding="utf-8"
    )
    sys.stdout.write(f"two pages and {len(made)} pictures in {DOCS.name}/\n")


def calibration_page(store: Store, words: Words) -> Iterator[str]:
    """What calibrates, the model, what was learnt, and whether the inference can be trusted."""
    told = shipped_diagnostics()
    yield "# How the model is calibrated"
    yield ""
    yield "Written by `tools/credibility_pages.py` from what `homing calibrate` left; every number of a"
    yield "fit is computed. The model's"
    yield "sizes of effects are not set by hand: they are drawn from a posterior, given results of trials"
    yield "that were public"
    yield f"before 2020 (version {posterior().version}, until {posterior().until}). How it then predicted"
    yield "later trials is told in"
    yield "[Held-out trials](held-out-trials.md)."
    yield ""
    yield "## What calibrates"
    yield from _rows(store, "calibration")
    yield "## The model"
    yield "A cohort is simulated at the points of a design over the unknown factors; a Gaussian process"
    yield "through it stands in for"
    yield "the simulator. For trial *j* with closing *c* and effect *e* (logarithms of factors on the"
    yield "mechanism's values)"
    yield ""
    yield "- *c_j* = closing + drift x decades from 2014 + other fistula + sqrt(trial spread^2 + centre"
    yield "  spread^2 / centres) x *z_j*"
    yield "- *e_j* = cell effect + effect spread x *z'_j*"
    yield "- logit of an arm's share = emulated(*c_j*, *e_j*, reopening, half dose) + emulator's error +"
    yield "  own definition + open bias"
    yield "  (arms with cells of trials that were open or had no control) + completers"
    yield "- events ~ binomial. An intention-to-treat count is used where one was reported; those who"
    yield "  completed only, with the"
    yield "  selection term. The two arms of a trial share its closing."
    yield ""
    yield "Cohorts that stop anti-TNF and cohorts that are transplanted are fitted together, since both"
    yield "rest on how fast memory"
    yield "forms and how often the gut is challenged; each cohort departs from the model on the logit. The"
    yield "label of infused cells"
    yield "is a closed form, whose prior is weighted."
    yield ""
    yield from _priors()
    yield "## What was learnt"
    yield "![Prior and posterior](credibility/learnt.svg)"
    yield ""
    yield "| factor | prior | posterior, all trials | posterior, one more trial | shrinkage, all trials | informed by |"
    yield "|---|---|---|---|---|---|"
    for p in posterior().parameters.values():
        spans = [f"{s.median:.3g} ({s.low:.2g} to {s.high:.2g})" for s in (p.prior, p.common, p.posterior)]
        by = ", ".join(p.trials) or "nothing: prior"
        by = by if p.informed or not p.trials else f"hardly; fitted to {by}"
        yield f"| {p.name['en']} | {' | '.join(spans)} | {p.shrinkage:.2f} | {by} |"
    yield ""
    called = [posterior().parameters[key].name["en"] for key in told["at the prior"]]
    yield f"Directions that stayed at their prior: {', '.join(called)}. They are propagated as they are."
    yield "The effect of cells is learnt little: trials of few patients, most of them open, with an effect"
    yield "that differs from trial"
    yield "to trial. That is the finding, and why the interval for the next trial is wide."
    yield ""
    yield from _other_priors(told)
    yield "## Can the inference be trusted?"
    for name, d in told["domains"].items():
        errors = sorted(e["error in points"] for e in d["emulators"].values())
        yield (
            f"- {name}: {d['chains']} chains of {d['draws']} draws, {sum(d['divergences'])} divergences, R-hat at most "
            f"{d['largest R-hat']['value']}, effective sample size at least "
            f"{min(d['smallest bulk ESS'], d['smallest tail ESS']):.0f}; {len(errors)} emulators with "
            f"a leave-one-out error of "
            f"{errors[len(errors) // 2]:.1f} points in the middle and {errors[-1]:.1f} at most, "
            f"carried in the likelihood."
        )
    yield from _emulated(told)
    yield f"- kinetics: {told['kinetics']['method']}, {told['kinetics']['effective draws']:.0f} effective draws."
    r = told["ranks"]
    failing = ", ".join(words(unknown_name(key)) for key in r["failing"])
    yield (
        f"- Simulation-based calibration (Talts 2018): {r['replicates']} data sets drawn from the "
        f"prior of the fistula model, each "
        f"fitted; unknowns whose ranks are not uniform: {failing or 'none'}."
    )
    yield ""
    yield "![Ranks](credibility/ranks.svg)"
    yield ""
    yield from _checks(words, store)
    yield "To run it yourself: [Calibrate](../howto/calibrate.md)."


def _other_priors(told: Mapping[str, Any]) -> Iterator[str]:
    """What was predicted under other priors, and under the prior alone."""
    verdict = shipped_verdict()
    first = next(d for d in verdict["differences"] if d["name"] == FIRST)["scores"]["homing"]
    yield "## What rests on the prior?"
    yield "The middle of one prior was set in view of ADMIRE-CD II, that of another was so before (see the table of"
    yield "priors). So the fit was made again with other medians; and the prior was also left alone, with no trial:"
    yield ""
    yield "| factor | prior's median | trials | factor learnt | ADMIRE-CD II, difference in points |"
    yield "|---|---|---|---|---|"
    for u in told["other priors"]:
        d = u["differences"][FIRST]
        low, high = (100 * x for x in d["interval"])
        middle, *ends = u["learnt"]
        yield (
            f"| {unknowns('fistula').factors[u['factor']].name['en']} | {u['median']:g} "
            f"| {'fitted' if u['fitted'] else 'none: prior alone'} | {middle:.2g} ({ends[0]:.2g} to {ends[1]:.2g}) "
            f"| {100 * d['predicted']:+.1f} ({low:+.1f} to {high:+.1f}) |"
        )
    yield ""
    yield (
        f"Seen: {100 * first['observed']:+.1f}. An interval that even the prior alone would give is a weak test of the "
        "fit: it shows that the prior was not wrong and that the data did not lead astray, no more."
    )
    yield ""


def _emulated(told: Mapping[str, Any]) -> Iterator[str]:
    """The emulators beside the simulator at draws of the posterior."""
    for name, d in told["domains"].items():
        found = d["emulators at the posterior"]
        errors = sorted(e["error in points"] for e in found.values())
        worst = max(found, key=lambda key: found[key]["largest"])
        beyond = max(found, key=lambda key: found[key]["largest beyond"])
        yield (
            f"- {name}, emulated beside simulated at draws of the posterior, with the same patients: {len(found)} "
            f"outputs, an error of {errors[len(errors) // 2]:.1f} points in the middle and {errors[-1]:.1f} at most; "
            f"the largest of one draw {found[worst]['largest']:.1f} ({worst})."
        )
        if found[beyond]["beyond"]:
            yield (
                f"  {found[beyond]['beyond']} of the draws, trials that are far from the others, lie beyond the box "
                f"that was emulated and are taken at its edge, which is off by up to "
                f"{found[beyond]['largest beyond']:.1f} points ({beyond})."
            )


def _priors() -> Iterator[str]:
    yield "Priors, fixed before the first fit, but for the middle of the cells' effect:"
    yield ""
    yield "| unknown | prior | why |"
    yield "|---|---|---|"
    for domain in domains():
        found = unknowns(domain)
        for f in found.factors.values():
            yield f"| {f.name['en']} | factor {f.median:g}, log sd {f.spread:.2f} | {f.because} |"
        for t in found.terms.values():
            kind = f"half-normal({t.spread:g})" if t.kind == "half-normal" else f"normal({t.centre:g}, {t.spread:g})"
            yield f"| {t.name['en']} ({t.scale}) | {kind} | {t.because} |"
    yield ""


def _rows(store: Store, which: str) -> Iterator[str]:
    yield ""
    yield "| result | count | why |"
    yield "|---|---|---|"
    for found in row_sets():
        for row in found.rows if found.set == which else ():
            kinetic = row.how == "kinetic"
            c = None if kinetic else count(store, row)
            yield f"| {row.key} | {'a reading' if c is None else f'{c.events} of {c.n}'} | {row.because} |"
    yield ""


def _checks(words: Words, store: Store) -> Iterator[str]:
    """What calibrated the model, simulated at draws of what was learnt."""
    told = shipped_checks()
    judged = [s for c in told["courses"] for s in c["seen"] if s["inside"] is not None]
    inside = {level: sum(s["inside"][level] for s in judged) for level in ("0.5", "0.8", "0.95")}
    yield "## What calibrated it, simulated again"
    yield "This shows whether the fit describes its own data; it is no validation."
    yield ""
    yield (
        f"Not emulated but simulated, at {told['draws']} draws of the posterior with {told['patients']} patients each. "
        "The draws are of one more trial, so that the bands are of what another trial may see, not of these. Fistula "
        "trials are shown that were blinded and of Crohn's disease, since what open trials add belongs to the trial; "
        "held-out readings are not shown."
    )
    yield ""
    yield "![Fistula trials](credibility/checks-fistula.svg)"
    yield ""
    yield words(courses(told, "fistula").note or "")
    yield ""
    yield "![Cohorts](credibility/checks-cohorts.svg)"
    yield ""
    counts = ", ".join(f"{n} in the {float(level):.0%} interval" for level, n in inside.items())
    yield f"Of {len(judged)} readings of known size (readings of one arm are not independent): {counts}."
    outside = [f"{s['trial']} ({s['arm']}, week {s['week']:g})" for s in judged if not s["inside"]["0.95"]]
    yield f"Outside the 95 % interval: {', '.join(outside) or 'none'}."
    yield ""
    yield "Before treatment the simulated fistula patients have (median, quartiles):"
    yield ""
    yield "| reading | median | quartiles |"
    yield "|---|---|---|"
    for name, (low, middle, high) in told["baseline"].items():
        yield f"| {name} | {middle:.3g} | {low:.3g} to {high:.3g} |"
    yield ""
    yield from _baseline_beside(store, told["baseline"])


def _baseline_beside(store: Store, simulated: Mapping[str, list[float]]) -> Iterator[str]:
    """What is known of these readings at baseline in trials: tables of calibration trials, and what others print."""
    calibrating = {row.trial for s in row_sets() if s.set == "calibration" for row in s.rows}
    have = sorted(calibrating & {entry("baselines", key).text("trial") for key in names("baselines")})
    yield f"Calibration trials with a baseline table in the catalogue: {', '.join(have) or 'none was found'}."
    for outcome in store.outcomes(BEFORE_AND_AFTER, "pdai"):
        name = store.trial(BEFORE_AND_AFTER).name
        yield f'Beside it, {name} (not calibrating) prints of the PDAI: "{outcome.printed}" (`{outcome.source}`).'
        yield (
            f"The simulated median of {simulated['pdai'][1]:.3g} is far above; the scale of the score is set by hand, "
            "and no endpoint rests on it."
        )
    yield ""


def hold_out_page(store: Store, words: Words, pictures: list[str]) -> Iterator[str]:
    """Predicted and seen, coverage, the rules beside Homing, what the misses mean, and what is held out."""
    yield credibility_page.page(shipped_verdict(), store, words, {name: f"credibility/{name}.svg" for name in pictures})
    yield "## What is held out, and why"
    yield "Written by `tools/credibility_pages.py`."
    yield from _rows(store, "holdout")


if __name__ == "__main__":
    main()
