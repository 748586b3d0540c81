"""What a report says under the posterior: credible intervals, assurance over draws, the table of parameters."""

from __future__ import annotations

import numpy as np
import pytest
from case_factory import case_of

from homing.answers import q8_what_next
from homing.answers.case import Case
from homing.answers.content import Estimate, Finding, Table
from homing.answers.headline import headline
from homing.answers.posterior import posterior_blocks
from homing.ground.credible import credible
from homing.patients.posterior import posterior
from homing.patients.scenario import POSTERIOR
from homing.study.patients import read_patients
from homing.study.run import RESULTS
from homing.trials.power import TwoArmDesign, power

PATIENTS = 120


@pytest.fixture(scope="module")
def case() -> Case:
    return case_of("admire-cd", PATIENTS)


def met(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """(patient,) the primary endpoint of candidate and control under the posterior, from the files of the run."""
    table = read_patients(case.study, case.run.folder / RESULTS)
    both = table.primary(POSTERIOR)
    arms = list(case.study.arms)
    return both[arms.index(case.study.candidate)], both[arms.index(case.study.control)]


def test_the_posterior_is_central_where_the_study_has_it(case: Case) -> None:
    assert case.central == POSTERIOR
    assert case.judged == (POSTERIOR,)


def test_the_headline_tells_the_difference_with_its_credible_interval(case: Case) -> None:
    ours, theirs = met(case)
    found = posterior()
    told = credible(ours - theirs, found.draw_of(np.arange(PATIENTS)), found.design(PATIENTS))
    finding = headline(case)[0]
    assert isinstance(finding, Finding)
    effect = finding.message.values["effect"]
    assert isinstance(effect, Estimate) and effect.spread == "posterior"
    assert (effect.value, effect.low, effect.high) == pytest.approx((told.mean, told.low, told.high), abs=1e-9)
    assert finding.message.values["until"] == found.until


def test_summaries_have_simulation_error_and_the_posterior_has_draws(case: Case) -> None:
    table = headline(case)[1]
    assert isinstance(table, Table)
    spreads = {(str(row[0].text), row[3].spread) for row in table.rows}  # type: ignore[attr-defined]
    assert spreads == {("posterior", "posterior"), ("sceptical", "monte-carlo"), ("optimistic", "monte-carlo")}


def test_chapters_agree_with_the_files_of_the_run(case: Case) -> None:
    ours, theirs = met(case)
    ids = np.arange(PATIENTS)
    cell = case.results.primary(POSTERIOR, case.study.candidate).over_draws()
    assert cell is not None
    share, gain = case.share(ours, POSTERIOR, ids), case.difference(ours, theirs, POSTERIOR, ids)
    assert (share.value, share.low, share.high) == pytest.approx((cell.mean, max(cell.low, 0), min(cell.high, 1)))
    assert gain.value == pytest.approx(case.results.difference(POSTERIOR).mean)
    assert case.share(ours, "sceptical", ids).spread == "monte-carlo"


def test_assurance_is_the_mean_power_over_the_draws(case: Case) -> None:
    control = case.results.primary(POSTERIOR, case.study.control).over_draws()
    gain = case.results.difference(POSTERIOR).over_draws()
    assert control is not None and gain is not None
    design = TwoArmDesign(case.study.design.patients_per_arm, case.study.design.alpha, case.study.design.dropout)
    each = []
    for base, more in zip(control.means, gain.means, strict=True):
        base = min(max(base, 0.0), 1.0)
        each.append(power(min(max(base + more, 0.0), 1.0), base, design))
    finding = q8_what_next._assurance(case)
    assert finding.message.key == "q8.assurance-posterior"
    told = finding.message.values["assurance"]
    assert isinstance(told, Estimate)
    assert told.value == pytest.approx(np.mean(each))
    assert told.low <= told.value <= told.high


def test_the_appendix_has_every_parameter_of_the_posterior(case: Case) -> None:
    finding, table = posterior_blocks(case)
    assert isinstance(finding, Finding) and isinstance(table, Table)
    assert len(table.rows) == len(posterior().parameters)
    for row, parameter in zip(table.rows, posterior().parameters.values(), strict=True):
        assert row[3].value == parameter.posterior.median  # type: ignore[attr-defined]
    named = {source for key in posterior().trials for source in case.store.trial(key).sources}
    assert set(finding.sources) <= named and finding.sources


def test_too_few_patients_show_simulation_error_and_say_so() -> None:
    few = case_of("admire-cd", 12)
    finding = headline(few)[0]
    assert isinstance(finding, Finding)
    effect = finding.message.values["effect"]
    assert isinstance(effect, Estimate) and effect.spread == "monte-carlo"
