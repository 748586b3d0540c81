"""What a report is made from: frozen data, in the order in which it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from homing.answers.content import Block, Chapter, Text
from homing.evidence.values import Source, Value

#: The key that stands for the run itself among the sources of a finding.
THIS_RUN = "run"


@dataclass(frozen=True)
class ParameterRow:
    """One parameter of the appendix: full name ('tract.k_close'), what it means, and its Value."""

    name: str
    meaning: Text
    value: Value


@dataclass(frozen=True)
class Document:
    """A whole report.

    `headline` holds the key results and `observed` what real trials of the same design showed, set beside them.
    `sources` maps the keys that findings and parameters cite to the sources themselves. `run` is the record that two
    equal runs share (seed, versions, hashes); `timings` is kept apart because no two runs share it. Keys of both are
    worded by the text `run.<key>` where there is one. `appendix` is shown before the parameters.
    `exploratory` and `uncalibrated` raise the notices of that name; `limits` say where
    the study leaves the model's context of use.
    """

    title: Text
    question: Text
    candidate: Text
    population: Text
    run_id: str
    headline: Sequence[Block]
    chapters: Sequence[Chapter]
    observed: Sequence[Block] = ()
    parameters: Sequence[ParameterRow] = ()
    appendix: Sequence[Block] = ()
    sources: Mapping[str, Source] = field(default_factory=dict)
    run: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, str] = field(default_factory=dict)
    warnings: Sequence[Text] = ()
    limits: Sequence[Text] = ()
    exploratory: bool = False
    uncalibrated: bool = False
    #: Whose chapters these are: '' for the eight questions about a candidate, else the start of their texts' keys.
    kind: str = ""
