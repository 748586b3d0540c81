"""A report made of invented numbers: every kind of block, in both languages."""

from __future__ import annotations

from sample_figures import CELLS, NAN, PLACEBO, TWICE, figures

from homing.answers.content import Chapter, Estimate, Finding, Message, Table, Verbatim
from homing.evidence.values import Source, Value
from homing.report.document import Document, ParameterRow


def sentence(arm: Verbatim, remission: Estimate, week: int = 24) -> Message:
    return Message("answers.sample", {"arm": arm, "remission": remission, "week": week})


def table() -> Table:
    return Table(
        Verbatim("Arms of the trial", "试验各组"),
        [
            Message("head.arm"),
            Message("head.patients"),
            Message("head.dose"),
            Message("head.remission"),
            Message("head.cost"),
        ],
        [
            [
                CELLS,
                1200,
                Estimate(1.2e8, kind="cells"),
                Estimate(0.492, 0.459, 0.525, "percent", spread="monte-carlo"),
                Estimate(412345.0, 3e5, 5e5, "money", spread="patients", level=0.9),
            ],
            [
                TWICE,
                1200,
                Estimate(2.4e8, kind="cells"),
                Estimate(0.551, 0.52, 0.583, "percent", spread="monte-carlo"),
                Estimate(801234.0, 7e5, 9e5, "money", spread="patients", level=0.9),
            ],
            [
                PLACEBO,
                1199,
                None,
                Estimate(0.343, 0.31, 0.376, "percent", spread="monte-carlo"),
                Estimate(NAN, kind="money"),
            ],
        ],
        Verbatim("One patient of the placebo arm failed in the solver.", "安慰剂组有一例患者计算失败。"),
    )


def document() -> Document:
    half = Estimate(0.492, 0.459, 0.525, "percent", spread="monte-carlo")
    gain = Estimate(0.149, 0.04, 0.258, "points", spread="posterior")
    computed = Finding(sentence(CELLS, half), "estimated", ["run", "smith-2020"], exploratory=True)
    seen = Finding(sentence(PLACEBO, Estimate(0.343, 0.25, 0.436, "percent")), "measured", ["smith-2020", "zhang-2021"])
    guess = Finding(sentence(TWICE, gain, 52), "assumed", ["registry-2019"])
    drawn = figures()
    plan: dict[int, list[object]] = {
        1: [computed, drawn["trajectories"], Message("answers.sample", {"arm": "x", "remission": half, "week": 1})],
        2: [seen, drawn["dots"]],
        3: [guess, drawn["ladder"], drawn["single-dots"]],
        4: [computed, drawn["panels"]],
        5: [seen, drawn["forest"], drawn["ratios"], table()],
        6: [],
        8: [guess, drawn["tornado"], drawn["costs"], table()],
    }
    certainty = sentence(CELLS, gain)
    chapters = [
        Chapter(number, f"chapter-{number}", blocks, certainty, exploratory=number == 4)  # type: ignore[arg-type]
        for number, blocks in plan.items()
    ]
    return Document(
        title=Verbatim("Umbilical-cord MSC for refractory perianal fistula", "脐带来源间充质干细胞治疗难治性肛周瘘"),
        question=Verbatim(
            "Which schedule should enter phase 2, and would that trial succeed?",
            "哪种给药时间应进入二期试验？该试验能否成功？",
        ),
        candidate=Verbatim(
            "Umbilical-cord MSC, 120 million cells into the fistula", "脐带来源 MSC，瘘管内注射 1.2 亿个细胞"
        ),
        population=Verbatim("Adults with Crohn's disease and complex perianal fistula", "成人克罗恩病合并复杂性肛周瘘"),
        run_id="ucmsc-3f9a1c",
        headline=[computed, guess],
        observed=[seen],
        chapters=chapters,
        parameters=parameters(),
        sources=sources(),
        run={"seed": "20251125", "homing_version": "0.1.0", "study_hash": "3f9a1c" * 8, "custom": "x"},
        timings={"timing": "12.3 s"},
        warnings=[Verbatim("1 of 3600 patients failed.", "3600 例患者中有 1 例计算失败。")],
        exploratory=True,
        uncalibrated=True,
    )


def parameters(count: int = 40) -> list[ParameterRow]:
    rows = [
        ParameterRow(
            "tract.k_close",
            Verbatim("closure without sepsis", "无感染时的闭合速率"),
            Value(0.0312, "1/d", 0.01, 0.09, "measured", "smith-2020", "table 2", "median of three readings"),
        ),
        ParameterRow(
            "tract.half",
            Verbatim("half maximum", "半数最大值"),
            Value(0.5, "1", None, None, "assumed", because="nothing is known; the middle of what is possible"),
        ),
        ParameterRow(
            "product.k_death_fistula",
            Verbatim("death in the fistula", "瘘管内死亡速率"),
            Value(0.12, "1/d", 0.05, 0.2, "estimated", "run"),
        ),
    ]
    for k in range(count):
        rows.append(
            ParameterRow(
                f"tcells.k_number_{k:02d}",
                Verbatim(f"rate number {k}", f"速率 {k}"),
                Value(
                    10.0 ** (k % 9 - 4),
                    "cell/d",
                    0.0,
                    10.0**6,
                    ("measured", "estimated", "assumed")[k % 3],
                    ("smith-2020", "zhang-2021", "")[k % 3],
                    because="" if k % 3 < 2 else "chosen",
                ),
            )
        )  # type: ignore[arg-type]
    return rows


def sources() -> dict[str, Source]:
    return {
        "smith-2020": Source(
            "smith-2020",
            "An invented trial of cells",
            2020,
            {"pmid": "12345678", "doi": "10.1234/x.2020(1)"},
            "full text",
        ),
        "zhang-2021": Source(
            "zhang-2021",
            "另一项虚构的试验",
            2021,
            {"chictr": "ChiCTR0000000000", "url": "javascript:alert(1)"},
            "abstract",
        ),
        "registry-2019": Source(
            "registry-2019", "An invented registry entry <b>", 2019, {"nct": "NCT00000000"}, "registry entry"
        ),
        "never-cited": Source("never-cited", "A source that nobody cites", 1999),
    }
