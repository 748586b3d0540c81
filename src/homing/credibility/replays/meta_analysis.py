"""Published meta-analyses computed again from their printed inputs, by the method that they name.

compare:
  - {meta-analysis: cheng-2019-healing, label: {en:, zh:}}
"""

from __future__ import annotations

import math

from homing.credibility.replays.content import Compared, Replay, Replayed
from homing.credibility.replays.read import said_of, tolerance_of
from homing.evidence.store import Store
from homing.ground.errors import EvidenceError
from homing.synthesis.reproduce import allowed, reproduce

META = "meta-analyses"


def run_meta_analysis(replay: Replay, store: Store) -> Replayed:
    """Each pooled estimate and both ends of its interval, beside what was printed."""
    rows = []
    for e in replay.entry.parts("compare"):
        e.fields("meta-analysis", "label", "tolerance", "used for", required=("meta-analysis", "label"))
        meta = store.meta_analysis(e.name_of("meta-analysis", META))
        found, label = reproduce(meta), e.both_languages("label")
        ours = {"estimate": found.estimate, "low": found.low, "high": found.high}
        if math.isnan(found.estimate):
            raise EvidenceError(f"{meta.key} can't be computed again: {found.why}", e.where)
        if not meta.sources:
            raise EvidenceError(
                "names no source of its printed numbers; give `sources`.", f"catalogue/{META}/{meta.key}"
            )
        for part, (en, zh) in _PARTS.items():
            if part not in meta.printed:
                continue
            number = meta.printed[part]
            half = allowed(meta, number)
            rows.append(
                Compared(
                    label={"en": f"{label['en']}: {en}", "zh": f"{label['zh']}：{zh}"},
                    unit=meta.measure,
                    as_printed=meta.printed_texts[part],
                    against=number,
                    low=number - half,
                    high=number + half,
                    ours=ours[part],
                    sources=meta.sources[:1],
                    at=meta.as_printed,
                    used_for=said_of(replay, e) or "neither",
                    tolerance=tolerance_of(replay, e),
                    is_arithmetic=True,
                )
            )
    return Replayed(replay, tuple(rows))


_PARTS = {
    "estimate": ("estimate", "估计值"),
    "low": ("lower end of the 95 % interval", "95%区间下限"),
    "high": ("upper end of the 95 % interval", "95%区间上限"),
}
