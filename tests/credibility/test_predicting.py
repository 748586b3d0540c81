"""How predictions of hold-outs are scored and added up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, betabinom, binom

from homing.credibility.predicting import Predicted
from homing.credibility.rules import RULES
from homing.credibility.scoring import FEW, HOMING, Verdict, judge
from homing.credibility.split import Count, count, row_sets, rows_of
from homing.credibility.verdict_plain import verdict_plain
from homing.evidence.store import load_store
from homing.ground.errors import NumericsError

STORE = load_store()
HELD = {row.key: count(STORE, row) for row in rows_of("holdout", "fistula").rows}
RELAPSE, RESET = ({row.key: count(STORE, row) for row in rows_of("holdout", d).rows} for d in ("relapse", "reset"))
FIRST = "ADMIRE-CD-II, {}, combined-remission, week 24"


def predicted(wanted: dict[str, Count], share: float, other: float, domain: str = "fistula") -> list[Predicted]:
    """Homing always says one share and each rule another."""
    rules = {rule: np.full(40, other) for rule in RULES}
    return [Predicted(c, domain, np.full(40, share), rules, rules) for c in wanted.values()]


def test_a_row_is_scored_by_the_chance_of_its_count() -> None:
    verdict = judge(predicted(HELD, 0.5, 0.3))
    for row in verdict.rows:
        c = row.predicted.count
        assert row.scores[HOMING].log_score == pytest.approx(binom.logpmf(c.events, c.n, 0.5))
        assert row.scores["control"].log_score == pytest.approx(binom.logpmf(c.events, c.n, 0.3))
    inside, n = verdict.coverage(0.95)
    assert n == len(HELD) and inside == sum(
        binom.ppf(0.025, c.n, 0.5) <= c.events <= binom.ppf(0.975, c.n, 0.5) for c in HELD.values()
    )


def test_the_spread_of_draws_is_in_the_score() -> None:
    """Draws of a beta distribution make the count beta-binomial."""
    c = HELD["Darva-JP-3002, cells, combined-remission, week 24"]
    draws = beta(4, 3).ppf((np.arange(2000) + 0.5) / 2000)
    others = predicted({k: v for k, v in HELD.items() if v.row.trial != c.row.trial}, 0.5, 0.5)
    row = next(r for r in judge([*others, Predicted(c, "fistula", draws, {}, {})]).rows if r.predicted.count is c)
    assert row.scores[HOMING].log_score == pytest.approx(betabinom.logpmf(c.events, c.n, 4, 3), abs=1e-3)
    exact = quad(lambda p: beta(4, 3).pdf(p) * binom.pmf(c.events, c.n, p), 0, 1)[0]
    assert row.scores[HOMING].log_score == pytest.approx(np.log(exact), abs=1e-3)


def everything(share: float, other: float) -> Verdict:
    """All domains, with deaths of transplantation from elsewhere; one world, so that counts don't hang together."""
    rows = predicted(HELD, share, other) + predicted(RELAPSE, share, other, "relapse")
    for p in predicted(RESET, share, other, "reset"):
        rows.append(p if p.count.row.output != "treatment-related-death" else replace(p, by_model=False, rules={}))
    return judge(rows)


def mass(key: str, share: float) -> float:
    c = {**HELD, **RELAPSE, **RESET}[key]
    return float(binom.logpmf(c.events, c.n, share))


def test_a_trial_counts_once_its_sum_is_not_counted_and_visits_are_averaged() -> None:
    found = {t.trial: t for t in everything(0.5, 0.3).trials}
    japan = [k for k in HELD if k.startswith("Darva-JP") and k != "Darva-JP-3002, cells, combined-remission, week 52"]
    assert len(japan) == 3 and found["Darva-JP-3002"].log.log == pytest.approx(sum(mass(k, 0.5) for k in japan))
    second = [k for k in HELD if k.startswith("ADMIRE-CD-II")]
    assert found["ADMIRE-CD-II"].log.log == pytest.approx(sum(mass(k, 0.5) for k in second) / 2)
    assert found["SPARE"].log.log == pytest.approx(sum(mass(k, 0.5) for k in RELAPSE))
    assert not {"EBMT-2018", "ASTIClite"} & set(found), (
        "their deaths alone are held out, which the model doesn't predict"
    )


def test_totals_add_trials_and_leave_each_out() -> None:
    verdict = everything(0.5, 0.3)
    for rule in RULES:
        total = {t.domain: t for t in verdict.totals if t.rule == rule}
        for name in ("trials", "rows", "homing_log", "rule_log", "homing_crps", "rule_crps"):
            assert getattr(total[""], name) == pytest.approx(
                sum(getattr(total[d], name) for d in ("fistula", "relapse", "reset"))
            )
        each = {t.trial: t.beside[rule].difference for t in verdict.trials}
        assert total[""].difference == pytest.approx(sum(each.values()))
        assert total[""].homing_wins == (total[""].difference > 0)
        trial, left = total[""].fewest
        assert each[trial] == max(each.values()) and left == pytest.approx(sum(each.values()) - each[trial])
        trial, left = total[""].most
        assert each[trial] == min(each.values()) and left == pytest.approx(sum(each.values()) - each[trial])
        assert total["relapse"].fewest is None, "nothing is left of one trial without it"


def test_homing_is_scored_beside_a_rule_only_where_the_rule_speaks() -> None:
    """Of SPARE a rule speaks of those who stop alone; the rest is in Homing's own total as what no rule speaks of."""
    stop, on = RELAPSE
    rows = predicted(HELD, 0.5, 0.3) + predicted(RELAPSE, 0.2, 0.4, "relapse")
    rows[-1] = replace(rows[-1], rules={})
    verdict = judge(rows)
    spare = next(t for t in verdict.trials if t.trial == "SPARE")
    assert spare.beside["control"].homing.log == pytest.approx(mass(stop, 0.2))
    assert spare.beside["control"].rule.log == pytest.approx(mass(stop, 0.4))
    assert (spare.unsaid, spare.unsaid_rows) == (pytest.approx(mass(on, 0.2)), 1)
    told = verdict_plain(verdict)["own"]
    assert told["log score"] == pytest.approx(sum(t.log.log for t in verdict.trials), rel=1e-3)
    assert told["no rule"] == {"rows": 1, "log score": pytest.approx(mass(on, 0.2), rel=1e-3), "log score error": 0}


def scattered(seed: int, draws: int = 600) -> Verdict:
    """SPARE and the fistulas by Homing and one rule, whose draws differ."""
    g = np.random.default_rng(seed)
    made = []
    for wanted, domain in ((HELD, "fistula"), (RELAPSE, "relapse")):
        for c in wanted.values():
            rules = {"control": g.beta(3, 6, draws)}
            made.append(Predicted(c, domain, g.beta(3, 4, draws), rules, rules))
    return judge(made)


def test_the_error_of_a_total_and_its_difference_is_how_far_runs_scatter() -> None:
    runs = [next(t for t in scattered(seed).totals if not t.domain) for seed in range(60)]
    for value, error in (("difference", "error"), ("homing_log", "homing_error"), ("rule_log", "rule_error")):
        scatter = np.std([getattr(t, value) for t in runs])
        assert 0.75 * scatter < np.mean([getattr(t, error) for t in runs]) < 1.6 * scatter, value
    t = runs[0]
    assert t.error == pytest.approx(np.hypot(t.homing_error, t.rule_error))
    told = verdict_plain(scattered(0))
    assert told["totals"][0]["difference error"] == pytest.approx(t.error, rel=1e-3)
    assert told["own"]["log score error"] > 0 and told["trials"][0]["log score error"] > 0


def test_a_score_that_few_draws_carry_is_told_of_its_trial_and_its_totals() -> None:
    others = {rule: np.full(2000 + FEW - 1, 0.4) for rule in RULES}
    spare = [Predicted(c, "relapse", np.full(2000 + FEW - 1, 0.2), others, others) for c in RELAPSE.values()]
    rows = [*predicted(HELD, 0.5, 0.3), *spare]
    few = np.append(np.full(2000, 1e-6), np.full(FEW - 1, 0.2))
    verdict = judge([*rows[:-1], replace(rows[-1], draws=few)])
    told = verdict_plain(verdict)
    for total in told["totals"]:
        assert total["few draws"] == ([] if total["domain"] == "fistula" else ["SPARE"])
    of_spare = next(t for t in told["trials"] if t["trial"] == "SPARE")
    assert of_spare["beside"]["control"]["few draws"] and of_spare["effective draws"] == pytest.approx(
        FEW - 1, rel=1e-3
    )
    assert told["own"]["few draws"] == ["SPARE"]


def test_draws_that_hold_what_was_seen_impossible_are_refused_by_name() -> None:
    rows = predicted(HELD, 0.5, 0.3)
    with pytest.raises(NumericsError, match="no log score by homing") as caught:
        judge([replace(rows[0], draws=np.zeros(40)), *rows[1:]])
    assert rows[0].count.row.key in str(caught.value)
    with pytest.raises(NumericsError, match="no log score by control"):
        judge([replace(rows[0], rules={"control": np.ones(40)}), *rows[1:]])


def test_a_total_that_would_be_that_of_its_only_domain_is_not_told_twice() -> None:
    assert [t.domain for t in judge(predicted(HELD, 0.5, 0.3)).totals] == ["fistula"] * len(RULES)


def test_deaths_that_older_series_predict_are_in_no_coverage_and_no_total() -> None:
    verdict = everything(0.5, 0.3)
    deaths = [r for r in verdict.rows if not r.counts]
    assert len(deaths) == 3 and verdict.coverage(0.5)[1] == len(verdict.rows) - 3
    told = {row["key"]: row for row in verdict_plain(verdict)["rows"]}
    for r in verdict.rows:
        row = told[r.predicted.count.row.key]
        assert row["counts"] == (r not in deaths)
        assert (row["in totals"]["because"] == "prior") == (r in deaths)


def test_the_difference_of_every_comparison_of_every_domain_is_scored() -> None:
    named = {name for s in row_sets() if s.set == "holdout" for name in s.comparisons or {}}
    found = {d.name: d for d in everything(0.5, 0.3).differences}
    assert set(found) == named
    spare = found["SPARE week 104"].scores[HOMING]
    assert spare.observed == pytest.approx(28 / 71 - 10 / 71) and spare.mean == pytest.approx(0, abs=1e-9)


def test_the_difference_of_admire_cd_ii_is_that_of_its_counts() -> None:
    """138 of 283 less 132 of 285; its distribution by brute force over both counts."""
    verdict = judge(predicted(HELD, 0.5, 0.3))
    found = next(d for d in verdict.differences if d.name == "ADMIRE-CD II week 24")
    seen = found.scores[HOMING]
    assert seen.observed == pytest.approx(138 / 283 - 132 / 285)
    a, b = np.arange(284) / 283, np.arange(286) / 285
    masses = np.outer(binom.pmf(np.arange(284), 283, 0.5), binom.pmf(np.arange(286), 285, 0.5)).ravel()
    values = (a[:, None] - b).ravel()
    order = np.argsort(values)
    cumulative = np.cumsum(masses[order])
    ends = [values[order][np.searchsorted(cumulative, p)] for p in (0.025, 0.975)]
    assert seen.intervals[0.95] == pytest.approx(tuple(ends), abs=1e-6)
    assert seen.inside[0.95] and seen.mean == pytest.approx(0, abs=1e-9)


def test_worlds_that_arms_share_make_the_difference_narrower() -> None:
    """The draws of both arms are taken row by row: what raises both raises no difference."""
    g = np.random.default_rng(1)
    world, apart = 0.2 + 0.6 * g.random(4000), 0.2 + 0.6 * g.random(4000)
    widths = []
    for control in (world, apart):
        rows = predicted(HELD, 0.5, 0.5)
        keys = [FIRST.format(arm) for arm in ("cells", "placebo")]
        draws = dict(zip(keys, (world, control), strict=True))
        verdict = judge([replace(p, draws=draws.get(p.count.row.key, p.draws)) for p in rows])
        low, high = verdict.differences[0].scores[HOMING].intervals[0.95]
        widths.append(high - low)
    assert widths[0] < 0.2 < widths[1]
