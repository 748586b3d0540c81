"""Write the pages of what calibrates the model and of how it did on trials that it had not seen, with their pictures.

Run after the files of `homing calibrate` were taken into catalogue/posterior: `python tools/credibility_pages.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from homing.credibility.calibration.unknowns import domains, unknowns
from homing.credibility.shipped import shipped_diagnostics, shipped_verdict
from homing.credibility.split import count, row_sets
from homing.evidence.store import Store, load_store
from homing.patients.posterior import posterior
from homing.report.credibility_page import pictures_of, save_pictures
from homing.report.words import Words

DOCS = Path(__file__).parents[1] / "docs" / "explanation"
PICTURES = DOCS / "credibility"
RULES = {
    "meta-analysis": "a random-effects meta-analysis of the calibration rows, predicting one more trial",
    "last trial": "the last calibration trial repeated",
    "control": "the control arm with nothing added",
}


def main() -> None:
    """Write both pages and the pictures."""
    PICTURES.mkdir(exist_ok=True)
    store, words = load_store(), Words("en")
    made = pictures_of(store)
    save_pictures(made, PICTURES, words, png=False)
    (DOCS / "calibration.md").write_text("\n".join(calibration_page(store)) + "\n", encoding="utf-8")
    (DOCS / "held-out-trials.md").write_text("\n".join(hold_out_page(store)) + "\n", encoding="utf-8")
    sys.stdout.write(f"two pages and {len(made)} pictures in {DOCS.name}/\n")


def _called(store: Store, r: dict) -> str:
    term = store.outcome_terms.get(r["endpoint"], store.event_terms.get(r["endpoint"], {})).get("en", r["endpoint"])
    how = {"kept": ", kept from week 24", "gained": ", gained after week 24"}.get(r["as"], "")
    trial = store.trial(r["trial"])
    arm = trial.arms[r["arm"]].label["en"] if r["arm"] in trial.arms else r["arm"]
    return f"{trial.name}, {arm}: {term}, week {r['week']:g}{how}"


def calibration_page(store: Store) -> Iterator[str]:
    """What calibrates, the model, what was learnt, and whether the inference can be trusted."""
    told = shipped_diagnostics()
    yield "# How the model is calibrated"
    yield ""
    yield "Written by `tools/credibility_pages.py` from what `homing calibrate` left; no number here is"
    yield "typed. The model's"
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
    yield "| factor | prior | posterior, one more trial | shrinkage | informed by |"
    yield "|---|---|---|---|---|"
    for p in posterior().parameters.values():
        spans = [f"{s.median:.3g} ({s.low:.2g} to {s.high:.2g})" for s in (p.prior, p.posterior)]
        by = ", ".join(p.trials) or "nothing: prior"
        yield f"| {p.name['en']} | {spans[0]} | {spans[1]} | {p.shrinkage:.2f} | {by} |"
    yield ""
    yield f"Directions that stayed at their prior: {', '.join(told['at the prior'])}. They are propagated as they are."
    yield "The effect of cells is learnt little: trials of few patients, most of them open, with an effect"
    yield "that differs from trial"
    yield "to trial. That is the finding, and why the interval for the next trial is wide."
    yield ""
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
    yield f"- kinetics: {told['kinetics']['method']}, {told['kinetics']['effective draws']:.0f} effective draws."
    r = told["ranks"]
    yield (
        f"- Simulation-based calibration (Talts 2018): {r['replicates']} data sets drawn from the "
        f"prior of the fistula model, each "
        f"fitted; unknowns whose ranks are not uniform: {', '.join(r['failing']) or 'none'}."
    )
    yield ""
    yield "![Ranks](credibility/ranks.svg)"
    yield ""
    yield "## What calibrated it, simulated again"
    yield "![Predictive checks](credibility/checks.svg)"
    yield ""
    yield "Median and 95 % of cohorts simulated (not emulated) at draws of the posterior for one more trial, beside every"
    yield "reading of the calibration's own trials. This shows whether the fit describes its data; it is no validation."
    yield ""
    yield "To run it yourself: [Calibrate](../howto/calibrate.md)."


def _priors() -> Iterator[str]:
    yield "Priors, fixed before the first fit:"
    yield ""
    yield "| unknown | prior | why |"
    yield "|---|---|---|"
    for domain in domains():
        found = unknowns(domain)
        for f in found.factors.values():
            yield f"| {f.name['en']} | factor {f.median:g}, log sd {f.spread:.2f} | {f.because} |"
        for key, t in found.terms.items():
            kind = f"half-normal({t.spread:g})" if t.kind == "half-normal" else f"normal({t.centre:g}, {t.spread:g})"
            yield f"| {key.replace('_', ' ')} ({t.scale}) | {kind} | {t.because} |"
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


def hold_out_page(store: Store) -> Iterator[str]:
    """Predicted and seen, coverage, and the simple rules beside Homing."""
    told = shipped_verdict()
    yield "# Held-out trials"
    yield ""
    yield "Written by `tools/credibility_pages.py`; `homing credibility` prints the same. None of these"
    yield "results could be read by"
    yield "the calibration: it is given a store from which they were taken away, and a test poisons them"
    yield "to see that nothing"
    yield "changes. Nothing was tuned after they were looked at. Predictions are of a new trial, with its"
    yield "own closing and effect."
    yield ""
    first = next(d for d in told["differences"] if d["name"] == "ADMIRE-CD II week 24")["scores"]["homing"]
    low, high = first["intervals"]["0.95"]
    yield "## The first test: ADMIRE-CD II"
    yield (
        f"From data public before 2020 the difference between cells and placebo at week 24 was predicted as "
        f"{100 * first['predicted']:+.1f} points, 95 % interval {100 * low:+.1f} to {100 * high:+.1f}. Seen: "
        f"{100 * first['observed']:+.1f}. The interval "
        f"{'contains' if low <= first['observed'] <= high else 'MISSES'} it, and "
        f"{'does not exclude' if low <= 0.15 <= high else 'EXCLUDES'} the +15 of ADMIRE-CD."
    )
    yield ""
    yield "![Differences](credibility/differences.svg)"
    yield ""
    yield "## Every result"
    yield "![Held-out results](credibility/hold-outs.svg)"
    yield ""
    yield "| held out | seen | predicted | 95 % interval | inside 50 / 80 / 95 % | log score | CRPS |"
    yield "|---|---|---|---|---|---|---|"
    for r in told["rows"]:
        yield _line(_called(store, r), r["scores"]["homing"], f"{r['events']}/{r['n']}, ")
    for d in told["differences"]:
        yield _line(f"{d['name']}, difference", d["scores"]["homing"], "")
    yield ""
    covered = "; ".join(
        f"{float(level):.0%} interval: {inside} of {n}" for level, (inside, n) in told["coverage"].items()
    )
    yield f"Rows inside their interval: {covered}."
    yield ""
    yield "## Beside three simple rules"
    yield "Total log scores (higher is better) on the rows of which a rule says anything; two arms of one"
    yield "trial count once."
    yield ""
    yield "| rule | rows of | rows | Homing | rule | better |"
    yield "|---|---|---|---|---|---|"
    for t in told["totals"]:
        log = t["log score"]
        better = "Homing" if t["homing wins"] else "**the rule**"
        yield f"| {RULES[t['rule']]} | {t['domain']} | {t['rows']} | {log['homing']} | {log['rule']} | {better} |"
    yield ""
    yield "![Totals](credibility/totals.svg)"
    yield ""
    yield "![Result by result](credibility/row-scores.svg)"
    yield ""
    yield from _plainly(told)
    yield "## What is held out, and why"
    yield from _rows(store, "holdout")


def _line(name: str, s: dict, before: str) -> str:
    low, high = s["intervals"]["0.95"]
    inside = " / ".join("yes" if s["inside"][level] else "**no**" for level in ("0.5", "0.8", "0.95"))
    shown = (
        f"{before}{100 * s['observed']:.1f} % | {100 * s['predicted']:.1f} % | {100 * low:.1f} to {100 * high:.1f} %"
    )
    log = "-inf" if s["log score"] is None else f"{s['log score']:.2f}"
    return f"| {name} | {shown} | {inside} | {log} | {s['crps']:.3f} |"


def _plainly(told: dict) -> Iterator[str]:
    """Where the rules do better, said in words, and the rows that miss."""
    worse = [t for t in told["totals"] if not t["homing wins"]]
    if worse:
        where = "; ".join(f"{t['rule']} on {t['domain']} ({t['rows']} rows)" for t in worse)
        yield f"**Homing does worse than a simple rule here:** {where}."
    missed = [r["key"] for r in told["rows"] if not r["scores"]["homing"]["inside"]["0.95"]]
    yield f"Outside the 95 % interval: {'; '.join(missed) or 'none'}."
    yield ""
    yield "- Relapse on infliximab that is continued (SPARE's combination arm) is next to none in the"
    yield "  model: it knows no"
    yield "  antibodies that come late and no loss of response in those who were well for a year. That one"
    yield "  arm costs most of the"
    yield "  total score."
    yield "- After transplantation the model knows no medicines that are started again, which cohorts"
    yield "  count as remission, and too"
    yield "  many heal beside the randomised trial."
    yield "- Cells found in tissue rest on an assumed limit of detection and on rates from animals; by"
    yield "  draw nearly all or nobody"
    yield "  has them, so a count in between is held impossible."
    yield "- Not clean hold-outs: deaths of EBMT and ASTIC set the mechanism's hazard, and are here only"
    yield "  beside the prior of older"
    yield "  series; Lopez-Garcia and ASTIC were public before 2020 and never fitted."
    yield ""


if __name__ == "__main__":
    main()
