"""Where the model is known to miss what trials saw: the list, and what of it a study's chapters must say.

A file of catalogue/misses/ names the rows of the evidence store, what is simulated for them (or that the calibration
predicted them), whom it concerns and what would help. The simulated shares are computed by
`tools/where_the_model_misses.py`, which writes them beside the list (catalogue/misses-simulated.yaml) and into
docs/explanation/where-the-model-misses.md; nobody types them.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from homing.answers.case import Case, name_of, observed_outcome, observed_share
from homing.answers.content import Block, Chapter, Estimate, Finding, Message, Verbatim
from homing.credibility.shipped import shipped_verdict
from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.records import AdverseEvent, Outcome
from homing.evidence.root import catalogue_root
from homing.evidence.store import Store
from homing.ground.errors import EvidenceError
from homing.ground.text_yaml import read_yaml

FOLDER = "misses"
SIMULATED = "misses-simulated.yaml"
HOW = ("endpoint", "sustained", "relapse-free", "deaths")


@dataclass(frozen=True)
class Row:
    """One result of the store: trial, arm, endpoint (or adverse event) and week; `dose` where it isn't the usual."""

    trial: str
    arm: str
    endpoint: str
    week: float
    dose: str = ""

    @property
    def key(self) -> str:
        """The row's name in the file of simulated shares."""
        return f"{self.trial}, {self.arm}, {self.endpoint}, week {self.week:g}"

    def share(self, store: Store) -> Estimate:
        """What was observed, as a share with its interval."""
        found = self.observed(store)
        return observed_outcome(found) if isinstance(found, Outcome) else observed_share(found.events, found.n)

    def observed(self, store: Store) -> Outcome | AdverseEvent:
        """What the trial reported. Raises EvidenceError where the store has no such result."""
        for outcome in store.outcomes(self.trial, self.endpoint):
            if outcome.arm == self.arm and outcome.week == self.week:
                return outcome
        for event in store.trial(self.trial).adverse_events:
            if (event.arm, event.event, event.week) == (self.arm, self.endpoint, self.week):
                return event
        raise EvidenceError(f"the store has no result '{self.key}'.", f"catalogue/{FOLDER}")


@dataclass(frozen=True)
class Simulation:
    """What is simulated for the rows: a share who meet an endpoint, who still do, who stay free of relapse, who die."""

    how: str
    population: str
    product: str = ""
    procedures: tuple[str, ...] = ()
    reads: str = ""


@dataclass(frozen=True)
class Miss:
    """One known misfit: what, since which version, what would help, and the chapter and studies that it concerns."""

    key: str
    name: Mapping[str, str]
    what: Mapping[str, str]
    helps: Mapping[str, str]
    since: str
    chapter: int
    kinds: tuple[str, ...]
    disease: str
    simulate: Simulation | None
    predicted: bool
    rows: tuple[Row, ...]

    def shares(self, row: Row) -> tuple[float, float, float] | None:
        """Low end, mean and high end (95 %) of the share by the model; None where it says nothing.

        Simulated by the tool, or as the calibration predicted a result that it was not given.
        """
        if not self.predicted:
            return simulated().get(self.key, {}).get(row.key)
        mine = next(r for r in shipped_verdict()["rows"] if r["key"] == row.key)["scores"]["homing"]
        low, high = mine["intervals"]["0.95"]
        return low, mine["predicted"], high

    def concerns(self, case: Case) -> bool:
        """Whether the study's candidate and population are those that it is about."""
        product = case.product
        fits = product is not None and product.kind in self.kinds and case.simulator.population.disease == self.disease
        if not fits or (self.simulate is None and not self.predicted):
            return False
        local = self.simulate is not None and self.simulate.population.startswith("perianal")
        return local == case.has_fistula


@functools.lru_cache(maxsize=1)
def misses() -> tuple[Miss, ...]:
    """Every known misfit of the catalogue, by key. Raises EvidenceError for a faulty file.

    Example:
        >>> "hsct-late-relapse" in [miss.key for miss in misses()]
        True
    """
    return tuple(read_miss(entry(FOLDER, key)) for key in names(FOLDER))


def read_miss(e: Entry) -> Miss:
    """A misfit from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    required = ("name", "what", "helps", "since", "chapter", "disease", "rows")
    e.fields(*required, "kinds", "simulate", "predicted", required=required)
    rows = [
        p.fields("trial", "arm", "endpoint", "week", "dose", required=("trial", "arm", "endpoint", "week"))
        for p in e.parts("rows")
    ]
    return Miss(
        key=e.key,
        name=e.both_languages("name"),
        what=e.both_languages("what"),
        helps=e.both_languages("helps"),
        since=e.text("since"),
        chapter=int(e.text("chapter")),
        kinds=e.texts("kinds"),
        disease=e.one_of("disease", ("crohn", "ulcerative-colitis")),
        simulate=_simulation(e.part("simulate")) if "simulate" in e.data else None,
        predicted=e.one_of("predicted", ("yes", "no"), "no") == "yes",
        rows=tuple(
            Row(p.text("trial"), p.text("arm"), p.text("endpoint"), float(p.text("week")), p.text("dose")) for p in rows
        ),
    )


def _simulation(e: Entry) -> Simulation:
    e.fields("how", "population", "product", "procedures", "reads", required=("how", "population"))
    return Simulation(
        e.one_of("how", HOW),
        e.name_of("population", "populations"),
        e.name_of("product", "products"),
        e.names_of("procedures", "procedures"),
        e.name_of("reads", "endpoints"),
    )


@functools.lru_cache(maxsize=1)
def simulated() -> Mapping[str, Mapping[str, tuple[float, float, float]]]:
    """Shares by misfit and row under the posterior: low end, mean, high end (95 %); empty before the tool has run."""
    file = catalogue_root() / SIMULATED
    if not file.exists():
        return {}
    tree = read_yaml(file, kind=EvidenceError).tree
    return {
        key: {row: (float(low), float(central), float(high)) for row, (low, central, high) in rows.items()}
        for key, rows in tree["shares"].items()
    }


def side(shares: tuple[float, float, float], observed: float) -> str:
    """Where the simulated share (low, mean, high) lies of what was observed: 'above', 'below', or 'holds' it.

    Example:
        >>> [side((0.2, 0.3, 0.4), seen) for seen in (0.1, 0.4, 0.5)]
        ['above', 'holds', 'below']
    """
    low, _, high = shares
    return "above" if observed < low else "below" if observed > high else "holds"


def with_misses(case: Case, chapter: Chapter) -> Chapter:
    """A chapter with a remark on each known misfit that concerns its study."""
    remarks = [
        block
        for miss in misses()
        if miss.chapter == chapter.number and miss.concerns(case)
        for block in _remarks(case.store, miss)
    ]
    return replace(chapter, blocks=[*chapter.blocks, *remarks]) if remarks else chapter


def _remarks(store: Store, miss: Miss) -> Iterator[Block]:
    yield Message("miss.remark", {"name": name_of(miss.name), "what": name_of(miss.what), "helps": name_of(miss.helps)})
    for row in miss.rows:
        shares = miss.shares(row)
        if shares is None:
            continue
        found, share = row.observed(store), row.share(store)
        trial = store.trial(row.trial)
        terms = store.outcome_terms if isinstance(found, Outcome) else store.event_terms
        values = {
            "trial": Verbatim(trial.name),
            "arm": name_of(trial.arms[row.arm].label),
            "endpoint": name_of(terms[row.endpoint]),
            "week": row.week,
            "observed": share,
            "simulated": Estimate(shares[1], shares[0], shares[2], "percent", spread="posterior"),
            "side": Message(f"miss.{side(shares, share.value)}"),
        }
        yield Finding(Message("miss.row", values), "measured", [found.source], exploratory=True)
