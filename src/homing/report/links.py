"""Web addresses of sources, made from identifiers of known form and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

_FORMS: Mapping[str, tuple[re.Pattern[str], Callable[[str], str]]] = {
    "doi": (re.compile(r"10\.\d{4,9}/\S+"), lambda i: f"https://doi.org/{quote(i, safe='/()')}"),
    "pmid": (re.compile(r"\d{1,9}"), lambda i: f"https://pubmed.ncbi.nlm.nih.gov/{i}/"),
    "pmcid": (re.compile(r"PMC\d{1,9}"), lambda i: f"https://pmc.ncbi.nlm.nih.gov/articles/{i}/"),
    "nct": (re.compile(r"NCT\d{8}"), lambda i: f"https://clinicaltrials.gov/study/{i}"),
    "isrctn": (re.compile(r"ISRCTN\d{8}"), lambda i: f"https://www.isrctn.com/{i}"),
    "url": (re.compile(r"https://[A-Za-z0-9][A-Za-z0-9.-]*(:\d+)?(/[^\s<>\"'\\]*)?"), lambda i: i),
}
_NAMES = {
    "doi": "DOI",
    "pmid": "PMID",
    "pmcid": "PMCID",
    "nct": "",
    "isrctn": "",
    "eudract": "EudraCT",
    "chictr": "",
    "url": "",
}


def link(kind: str, identifier: str) -> str:
    """The https address of an identifier ('doi', 'pmid', 'pmcid', 'nct', 'isrctn', 'url'), or '' where there is none.

    Example:
        >>> link("nct", "NCT00000000"), link("url", "javascript:alert(1)")
        ('https://clinicaltrials.gov/study/NCT00000000', '')
    """
    form, address = _FORMS.get(kind, (None, None))
    if form is None or address is None or not form.fullmatch(identifier.strip()):
        return ""
    return address(identifier.strip())


def link_text(kind: str, identifier: str) -> str:
    """What stands for the identifier in a list of sources: 'PMID 123', 'NCT00000000'."""
    return f"{_NAMES.get(kind, kind)} {identifier}".strip()
