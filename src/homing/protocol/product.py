"""Products, drugs, routes, carriers and procedures as the catalogue describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from homing.evidence.values import Value
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean
from homing.protocol.release import ReleaseCurve

ProductKind = Literal["msc", "hsc", "treg", "car-t", "bacteria"]
#: Where a product stands with a region's regulator; 'not-seen' where nothing of it was read.
Standing = Literal[
    "approved", "conditionally-approved", "withdrawn", "not-recommended", "in-trials", "stopped", "not-seen"
]


@dataclass(frozen=True)
class Statement:
    """A strength, weakness, stage or regulatory fact in English and Chinese, with its source keys."""

    en: str
    zh: str
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Status:
    """Where a product stood in one region from a date on (yyyy, yyyy-mm or yyyy-mm-dd), and what for."""

    region: str
    standing: Standing
    on: str = ""
    indication: Mapping[str, str] = field(default_factory=dict)
    note: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Criterion:
    """What a lot must show before it is released; where `is_read` is False, `words` say what was looked for."""

    test: str
    words: Mapping[str, str]
    is_read: bool
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class StatedDose:
    """Doses that a trial of the evidence store states in words only: from `low` to `high`, written as doses are."""

    trial: str
    low: str
    high: str


@dataclass(frozen=True)
class Deposit:
    """Where a share of a delivered dose lands. `share` is a number or the name of a delivery Value of the product.

    For instance intravenous: 'f_lung_trapped' of the cells into product.lung, the rest into product.blood.
    """

    state: str
    share: str = "1"  # name of a Value in the product's `delivery`, '1', or '1 - <name>'
    times: str = ""  # name of a further Value in `delivery` to multiply by


@dataclass(frozen=True)
class Route:
    """Where and how a dose enters. `deposits` are the states it adds to; `site` is where it is meant to act."""

    key: str
    name: Mapping[str, str]
    deposits: tuple[Deposit, ...]
    site: Literal["fistula", "gut", "blood"]
    note: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Carrier:
    """Suspension, plug, microspheres: what the cells come in. `deposits` replaces the route's when not empty.

    `values` overrides parameters of the product's profile (product.k_carrier_release, ...); `retention` is the share of
    delivered cells that is still in the carrier once it is in place, which deposits name as `retention`; `release` is
    a measured curve that stands in for release at a constant rate.
    """

    key: str
    name: Mapping[str, str]
    routes: tuple[str, ...]
    deposits: tuple[Deposit, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    retention: Value | None = None
    release: ReleaseCurve | None = None
    note: Mapping[str, str] = field(default_factory=dict)
    like: str = ""  # of a user's own carrier: the catalogue's carrier that it is like

    @property
    def catalogue_key(self) -> str:
        """The catalogue's carrier that this is, or is like."""
        return self.like or self.key


@dataclass(frozen=True)
class Product:
    """A class of cell therapy. `profile` names the catalogue's set of values for the mechanism.

    `delivery` holds the Values of the dose ladder and the routes: viability, potency, f_line_retained,
    f_lung_trapped, f_local_retained ... `overrides` are Values that replace those of the profile. `prepare` are the
    procedures that its regimen begins with. `treatments` are the words by which the evidence store knows it. An
    `exploratory` product has no result in a patient with IBD.
    """

    key: str
    name: Mapping[str, str]
    kind: ProductKind
    origin: Literal["allogeneic", "autologous", "donor"]
    tissue: str
    profile: str
    routes: tuple[str, ...]
    delivery: Mapping[str, Value]
    overrides: Mapping[str, Value] = field(default_factory=dict)
    stage: Statement | None = None
    regulatory: tuple[Statement, ...] = ()
    strengths: tuple[Statement, ...] = ()
    weaknesses: tuple[Statement, ...] = ()
    trials: tuple[str, ...] = ()
    usual: Mapping[str, str] = field(default_factory=dict)  # route, carrier, dose, at: what its trials used
    price: str = ""
    status: tuple[Status, ...] = ()
    release: tuple[Criterion, ...] = ()
    doses: tuple[StatedDose, ...] = ()
    treatments: tuple[str, ...] = ()
    prepare: tuple[str, ...] = ()
    exploratory: bool = False
    like: str = ""  # of a user's own product: the catalogue's product that it is like

    @property
    def catalogue_key(self) -> str:
        """The catalogue's product that this is, or is like."""
        return self.like or self.key

    @property
    def is_cells(self) -> bool:
        """Whether it is human cells; bacteria are dosed as a share of a community, and go nowhere that cells go."""
        return self.kind != "bacteria"

    def share(self, name: str) -> float:
        """A fraction of the dose ladder or of a route, by name ('viability', 'f_local_retained').

        Raises: EvidenceError when the catalogue's entry lacks it.
        """
        if name not in self.delivery:
            raise EvidenceError(f"{self.key} has no delivery value '{name}'. {did_you_mean(name, self.delivery)}")
        return self.delivery[name].number


@dataclass(frozen=True)
class CovariateEffect:
    """How a covariate of the patient changes a parameter of a drug, as its population analysis found.

    The factor on `parameter` is (covariate / reference) ** size for a `power`, 1 + size * (covariate - reference) for
    a `linear` effect, and size where the covariate is 1 (female, antibodies against the drug) for a `factor`.
    """

    parameter: str
    covariate: str
    form: Literal["power", "linear", "factor"]
    size: Value
    reference: Value | None = None


@dataclass(frozen=True)
class Drug:
    """A medicine that is not cells. `usual` is its labelled regimen: route, doses with times.

    `covariates` and `between_patients` (coefficients of variation of parameters, lognormal) are those of its
    population analysis; `anti_drug_antibody` is the share of patients who make antibodies against it.
    """

    key: str
    name: Mapping[str, str]
    profile: str
    routes: tuple[str, ...]
    usual: tuple[Mapping[str, str], ...] = ()  # route, dose, at: the labelled regimen in IBD
    sources: tuple[str, ...] = ()
    usual_in_colitis: tuple[Mapping[str, str], ...] = ()  # where it differs from `usual`
    target: Mapping[str, str] = field(default_factory=dict)
    note: Mapping[str, str] = field(default_factory=dict)
    covariates: tuple[CovariateEffect, ...] = ()
    between_patients: Mapping[str, Value] = field(default_factory=dict)
    anti_drug_antibody: Value | None = None

    def usual_in(self, disease: str) -> tuple[Mapping[str, str], ...]:
        """The labelled regimen in 'crohn' or 'ulcerative-colitis'."""
        return self.usual_in_colitis if disease == "ulcerative-colitis" and self.usual_in_colitis else self.usual

    def share(self, name: str) -> float:
        """A drug's amount enters whole; its bioavailability is a parameter of its profile."""
        raise EvidenceError(f"{self.key} has no delivery value '{name}'.")


@dataclass(frozen=True)
class StateChange:
    """What a procedure does to one state: 'multiply', 'raise-to', 'lower-to', 'add' or 'set' by a Value.

    `vary` names the patient covariate that stands for the Value where the population draws it per patient
    ('surgical_sepsis', 'surgical_closure'); else the Value holds for every patient.
    """

    state: str
    verb: Literal["multiply", "raise-to", "lower-to", "add", "set"]
    value: Value
    vary: str = ""


@dataclass(frozen=True)
class DeathsCounted:
    """Where the evidence store counts the deaths by a procedure: a question, of which `trials` alone where named."""

    question: str
    trials: tuple[str, ...] = ()


@dataclass(frozen=True)
class Procedure:
    """An act that is not a dose: curettage, seton removal, conditioning. One that kills has its `deaths`."""

    key: str
    name: Mapping[str, str]
    changes: tuple[StateChange, ...]
    sources: tuple[str, ...] = ()
    note: Mapping[str, str] = field(default_factory=dict)
    deaths: DeathsCounted | None = None
