"""Published meta-analyses computed again from their printed inputs, by the method that they name.

compare:
  - {meta-analysis: cheng-2019-healing, label: {en:, zh:}}
"""

from __future__ import annotations

import math

from homing.credibility.replays.content import Compared, Replay, Replayed
from homing.credibility.replays.read import tolerance_of, used_for
from homing.evidence.store import Store
from homing.ground.errors import EvidenceError
from homing.synthesis.reproduce import allowed, reproduce


def run_meta_analysis(replay: Replay, store: Store) -> Replayed:
    """Each pooled estimate and both ends of its interval, beside what was printed."""
    rows = []
    for e in replay.entry.parts("compare"):
        e.fields("meta-analysis", "label", "tolerance", "used for", required=("meta-analysis", "label"))
        meta = store.meta_analysis(e.name_of("meta-analysis", "meta-analyses"))
        found, label = reproduce(meta), e.both_languages("label")
        ours = {"estimate": found.estimate, "low": found.low, "high": found.high}
        if math.isnan(found.estimate):
            raise EvidenceError(f"{meta.key} can't be computed again: {found.why}", e.where)
        for part, (en, zh) in _PARTS.items():
            if part not in meta.printed:
                continue
            number = meta.printed[part]
            half = allowed(meta, number)
            rows.append(
                Compared(
                    label={"en": f"{label['en']}: {en}", "zh": f"{label['zh']}：{zh}"},
                    unit=meta.measure,
                    printed=number,
                    as_printed=f"{number:g}",
                    low=number - half,
                    high=number + half,
                    ours=ours[part],
                    source=meta.sources[0] if meta.sources else "",
                    at=meta.as_printed,
                    used_for=used_for(replay, e),
                    tolerance=tolerance_of(replay, e),
                )
            )
    return Replayed(replay, tuple(rows))


_PARTS = {
    "estimate": ("estimate", "估计值"),
    "low": ("lower end of the 95 % interval", "95%区间下限"),
    "high": ("upper end of the 95 % interval", "95%区间上限"),
}
