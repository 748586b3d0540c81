"""Drugs that are known by name and can't be simulated, each with the reason and what there is instead.

A file of catalogue/drugs-outside/ holds a group of drugs with one reason; see `docs/reference/drugs-and-carriers.md`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from homing.evidence.catalogue import Entry, entry, names

FOLDER = "drugs-outside"


@dataclass(frozen=True)
class OutsideDrug:
    """A group of drugs without a module, why, and keys of drugs or procedures that there are instead."""

    key: str
    name: Mapping[str, str]
    drugs: tuple[str, ...]
    reason: Mapping[str, str]
    instead: tuple[str, ...]
    sources: tuple[str, ...] = ()

    def refusal(self, drug: str) -> str:
        """Why a drug of the group is refused, and what to name instead."""
        return f"'{drug}' can't be simulated. {self.reason['en']} There is: {', '.join(self.instead)}."


def read_outside(e: Entry) -> OutsideDrug:
    """A group from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    required = ("name", "drugs", "reason", "instead")
    e.fields(*required, "sources", required=required)
    for i, name in enumerate(e.texts("instead")):
        e.part("instead", i).check_name(name, "procedures" if name in names("procedures") else "drugs")
    return OutsideDrug(
        key=e.key,
        name=e.both_languages("name"),
        drugs=e.texts("drugs"),
        reason=e.both_languages("reason"),
        instead=e.texts("instead"),
        sources=e.sources(),
    )


@functools.cache
def outside_drugs() -> Mapping[str, OutsideDrug]:
    """Every drug outside the model, by its name in lower case."""
    groups = (read_outside(entry(FOLDER, key)) for key in names(FOLDER))
    return {drug.lower(): group for group in groups for drug in group.drugs}


def refusal_of(name: str) -> str:
    """Why a drug of this name is refused; nothing for a name that is not known as one outside the model.

    Example:
        >>> refusal_of("Secukinumab")[:33]
        "'Secukinumab' can't be simulated."
    """
    group = outside_drugs().get(name.strip().lower())
    return "" if group is None else group.refusal(name)
