"""Products, drugs, routes, carriers and procedures, read from the catalogue.

`product(key)` and its like read the catalogue's own entries; `read_product(entry)` and its like read one from any file.
All raise StudyError for an unknown key and EvidenceError, with file, line and key, for a faulty entry.
"""

from __future__ import annotations

import functools

from homing.evidence.catalogue import Entry, entry, names
from homing.ground.errors import EvidenceError, HomingError
from homing.protocol.drug_entry import read_drug
from homing.protocol.product import Carrier, DeathsCounted, Deposit, Drug, Procedure, Product, Route, StateChange
from homing.protocol.product_facts import FACTS, read_facts, read_statement

KINDS = ("msc", "hsc", "treg", "car-t", "bacteria")
ORIGINS = ("allogeneic", "autologous", "donor")
SITES = ("fistula", "gut", "blood")
VERBS = ("multiply", "raise-to", "lower-to", "add", "set")
#: What the dose ladder needs of every product, whatever its route.
LADDER = ("viability", "potency", "f_line_retained")
_REQUIRED = ("name", "kind", "origin", "tissue", "profile", "routes", "delivery")
_USUAL = ("route", "carrier", "dose", "at", "source", "because")


@functools.lru_cache(maxsize=256)
def product(key: str) -> Product:
    """A product of the catalogue.

    Example:
        >>> product("darvadstrocel").kind
        'msc'
    """
    return read_product(entry("products", key))


def products() -> tuple[Product, ...]:
    """Every product of the catalogue, by key."""
    return tuple(product(key) for key in names("products"))


@functools.lru_cache(maxsize=64)
def drug(key: str) -> Drug:
    """A drug of the catalogue."""
    return read_drug(entry("drugs", key))


def drugs() -> tuple[Drug, ...]:
    """Every drug of the catalogue, by key."""
    return tuple(drug(key) for key in names("drugs"))


@functools.lru_cache(maxsize=64)
def route(key: str) -> Route:
    """A route of the catalogue."""
    return read_route(entry("routes", key))


@functools.lru_cache(maxsize=64)
def carrier(key: str) -> Carrier:
    """A carrier of the catalogue."""
    return read_carrier(entry("carriers", key))


@functools.lru_cache(maxsize=64)
def procedure(key: str) -> Procedure:
    """A procedure of the catalogue."""
    return read_procedure(entry("procedures", key))


def read_product(e: Entry) -> Product:
    """A product from an entry; its routes must find in `delivery` every share that they name."""
    more = ("overrides", "stage", "regulatory", "strengths", "weaknesses", "trials", "usual", "price", *FACTS)
    e.fields(*_REQUIRED, *more, required=_REQUIRED)
    found = Product(
        key=e.key,
        name=e.both_languages("name"),
        kind=e.one_of("kind", KINDS),  # type: ignore[arg-type]
        origin=e.one_of("origin", ORIGINS),  # type: ignore[arg-type]
        tissue=e.text("tissue"),
        profile=e.profile("profile"),
        routes=e.names_of("routes", "routes"),
        delivery=e.values("delivery", "1"),
        overrides=e.values("overrides"),
        stage=read_statement(e.part("stage")) if "stage" in e.data else None,
        regulatory=tuple(read_statement(p) for p in e.parts("regulatory")),
        strengths=tuple(read_statement(p) for p in e.parts("strengths")),
        weaknesses=tuple(read_statement(p) for p in e.parts("weaknesses")),
        trials=e.names_of("trials", "trials"),
        usual=_usual(e),
        price=e.name_of("price", "prices"),
        **read_facts(e),
    )
    _check_delivery(e, found)
    return found


def read_route(e: Entry) -> Route:
    """A route from an entry."""
    e.fields("name", "deposits", "site", "note", "sources", required=("name", "deposits", "site"))
    return Route(
        key=e.key,
        name=e.both_languages("name"),
        deposits=_deposits(e),
        site=e.one_of("site", SITES),  # type: ignore[arg-type]
        note=e.both_languages("note") if "note" in e.data else {},
        sources=e.sources(),
    )


def read_carrier(e: Entry) -> Carrier:
    """A carrier from an entry."""
    e.fields("name", "routes", "deposits", "values", "retention", "note", required=("name", "routes"))
    return Carrier(
        key=e.key,
        name=e.both_languages("name"),
        routes=e.names_of("routes", "routes"),
        deposits=_deposits(e),
        values=e.values("values"),
        retention=e.value("retention", "1") if "retention" in e.data else None,
        note=e.both_languages("note") if "note" in e.data else {},
    )


def read_procedure(e: Entry) -> Procedure:
    """A procedure from an entry."""
    e.fields("name", "changes", "deaths", "note", "sources", required=("name", "changes"))
    changes = [p.fields("state", "verb", "by", "vary", required=("state", "verb", "by")) for p in e.parts("changes")]
    return Procedure(
        key=e.key,
        name=e.both_languages("name"),
        changes=tuple(
            StateChange(p.text("state"), p.one_of("verb", VERBS), p.value("by", "1"), p.text("vary"))  # type: ignore[arg-type]
            for p in changes
        ),
        note=e.both_languages("note") if "note" in e.data else {},
        sources=e.sources(),
        deaths=_deaths(e.part("deaths")) if "deaths" in e.data else None,
    )


def _deaths(e: Entry) -> DeathsCounted:
    e.fields("question", "trials", required=("question",))
    return DeathsCounted(e.name_of("question", "questions"), e.names_of("trials", "trials"))


def _check_amount(usual: Entry) -> None:
    """Refuse a usual dose that is none: no unit, one that isn't of doses, or not above 0."""
    from homing.protocol.regimen import read_dose  # which reads the catalogue in turn

    text = usual.text("dose")
    try:
        dose = read_dose(text)
    except HomingError as error:
        raise EvidenceError(error.message, usual.part("dose").where) from None
    if not dose.number > 0 or dose.of == "mg" or (dose.of == "fraction" and not text.strip().endswith("%")):
        raise EvidenceError(
            f"'{text}' is no dose of cells. Write '120e6 cells', '1e6 cells/kg' or '2 %'.", usual.part("dose").where
        )


def _usual(e: Entry) -> dict[str, str]:
    if "usual" not in e.data:
        return {}
    usual = e.part("usual").fields(*_USUAL, required=("route", "dose", "at"))
    usual.name_of("route", "routes")
    usual.name_of("carrier", "carriers")
    _check_amount(usual)
    if "source" in usual.data:
        usual.source("source")
    elif not usual.text("because"):
        raise EvidenceError("the usual dose needs a `source`, or says why in `because`.", usual.where)
    return {name: usual.text(name) for name in _USUAL if name in usual.data}


def _check_delivery(e: Entry, found: Product) -> None:
    needed = dict.fromkeys(LADDER, "every product")
    for key in found.routes:
        for deposit in route(key).deposits:
            for share in (deposit.share.removeprefix("1 - "), deposit.times):
                if share not in ("", "1"):
                    needed.setdefault(share, f"the route '{key}'")
    for name, by in needed.items():
        if name not in found.delivery:
            raise EvidenceError(f"lacks '{name}', which {by} needs.", e.part("delivery").where)
        if not 0 <= found.delivery[name].number <= 1:
            raise EvidenceError("is a share, from 0 to 1.", e.part("delivery", name).where)


def _deposits(e: Entry) -> tuple[Deposit, ...]:
    parts = [p.fields("state", "share", "times", required=("state",)) for p in e.parts("deposits")]
    return tuple(Deposit(p.text("state"), p.text("share", "1"), p.text("times")) for p in parts)
