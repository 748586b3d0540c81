"""Figures of invented numbers: one of each kind, long labels, missing values, many rows."""

from __future__ import annotations

import numpy as np

from homing.answers.content import (
    Bars,
    Dots,
    Figure,
    Forest,
    ForestRow,
    Lines,
    Message,
    Panel,
    Series,
    Tornado,
    Verbatim,
)

NAN = float("nan")
CELLS = Verbatim("Cells once", "细胞单次给药")
TWICE = Verbatim("Cells at week 0 and 12", "细胞第 0、12 周给药")
PLACEBO = Verbatim("Placebo", "安慰剂")


def trajectories() -> Lines:
    t = np.linspace(0, 52, 105)
    closing = 1 - np.exp(-t / 9)
    curves = [
        Series(CELLS, t, 0.5 * closing, 0.42 * closing, 0.58 * closing, colour=0),
        Series(TWICE, t, 0.56 * closing, 0.47 * closing, 0.65 * closing, colour=1),
        Series(PLACEBO, t, 0.34 * closing, 0.27 * closing, 0.41 * closing, colour=6),
    ]
    panel = Panel(Verbatim(""), curves, Message("head.time-weeks"), Verbatim("In remission", "缓解比例"), percent=True)
    note = Verbatim("Invented numbers. Bands hold 95 % of simulated trials.", "虚构数据。色带涵盖 95% 的模拟试验。")
    title = Verbatim("Remission over time", "缓解比例随时间的变化")
    return Lines(title, [panel], note)


def panels() -> Lines:
    t = np.linspace(0, 364, 183)
    weeks = Message("head.time-days")
    cells = 1.2e8 * np.exp(-t / 16)
    visits = np.array([0.0, 42, 84, 168, 252, 364])
    seen = np.array([620.0, 410, 290, 240, NAN, 215])
    fc = 220 + 400 * np.exp(-t / 60)
    return Lines(
        Verbatim("What one sees in the patients", "患者体内的变化"),
        [
            Panel(
                Verbatim("Living cells in the fistula", "瘘管内存活细胞"),
                [Series(CELLS, t, cells, cells / 4, cells * 3, colour=0), Series(TWICE, t, cells * 1.3, colour=1)],
                weeks,
                Message("head.cells"),
                y_scale="log",
                y_range=(1e2, 1e9),
            ),
            Panel(
                Verbatim(
                    "Faecal calprotectin with a title so long that it has to go on in a second line of the panel",
                    "粪便钙卫蛋白：标题很长，需要换行，以检查面板的标题在中文里是否也能正确换行显示而不会覆盖数据",
                ),
                [
                    Series(CELLS, t, fc, fc * 0.7, fc * 1.4, colour=0),
                    Series(
                        Verbatim("Observed <ADMIRE> & others", "实际观察"),
                        visits,
                        seen,
                        seen * 0.8,
                        seen * 1.25,
                        style="points",
                        colour=2,
                    ),
                ],
                weeks,
                Verbatim("µg/g"),
                reference=250.0,
            ),
            Panel(
                Verbatim("Still in remission", "仍处于缓解"),
                [
                    Series(
                        CELLS,
                        np.array([0.0, 30, 80, 200, 364]),
                        np.array([1, 0.94, 0.81, 0.7, 0.62]),
                        style="step",
                        colour=0,
                    ),
                    Series(
                        PLACEBO,
                        np.array([0.0, 20, 70, 150, 364]),
                        np.array([1, 0.88, 0.7, 0.55, 0.41]),
                        style="step",
                        colour=6,
                    ),
                ],
                weeks,
                Message("head.remission"),
                percent=True,
                y_range=(0.0, 1.0),
            ),
            Panel(
                Verbatim("Antibodies against the donor", "供者特异性抗体"),
                [
                    Series(CELLS, t, t / 364, style="dashed", colour=0),
                    Series(PLACEBO, t, np.full(t.size, NAN), colour=6),
                ],
                weeks,
                Verbatim("relative", "相对值"),
            ),
        ],
        Verbatim("Invented numbers.", "虚构数据。"),
    )


def forest(rows: int = 9) -> Forest:
    random = np.random.default_rng(4)
    studies = []
    for k in range(rows):
        middle, half = 0.12 + 0.1 * random.standard_normal(), 0.08 + 0.3 * random.random()
        label = Verbatim(
            f"Study {k + 1} (umbilical-cord MSC, 20{k % 20:02d})", f"研究 {k + 1}（脐带来源 MSC，20{k % 20:02d} 年）"
        )
        studies.append(ForestRow(label, middle, middle - half, middle + half, 1 / rows, f"{20 + k}/50 v {15 + k}/48"))
    return Forest(
        Verbatim("Difference in combined remission at week 24", "第 24 周联合缓解率差值"),
        [
            *studies,
            ForestRow(
                Verbatim("A small study that says next to nothing & has a long name <b>", "几乎没有信息的小研究"),
                0.2,
                -2.4,
                2.1,
                0.01,
                "1/3 v 0/2",
            ),
            ForestRow(Verbatim("Not reported", "未报告"), NAN, NAN, NAN, NAN, "–"),
            ForestRow(Verbatim("Pooled (random effects)", "合并（随机效应模型）"), 0.13, 0.04, 0.22, kind="pooled"),
            ForestRow(Message("figure.prediction"), 0.13, -0.09, 0.35, kind="prediction"),
            ForestRow(Verbatim("Simulated: this study", "模拟：本研究"), 0.16, 0.05, 0.27, kind="simulated"),
        ],
        Verbatim("Difference, percentage points; to the right favours cells", "差值（百分点）；右侧表示细胞更优"),
        percent=True,
        note=Verbatim("Invented numbers.", "虚构数据。"),
    )


def ratios() -> Forest:
    rows = [
        ForestRow(Verbatim(f"Trial {k}", f"试验 {k}"), r, r / w, r * w, 0.25)
        for k, (r, w) in enumerate([(1.3, 1.4), (0.9, 1.8), (1.7, 2.2), (1.15, 1.25)])
    ]
    rows.append(ForestRow(Message("figure.pooled"), 1.22, 1.05, 1.42, kind="pooled"))
    return Forest(Verbatim("Risk ratio", "风险比"), rows, Verbatim("Risk ratio", "风险比"), null=1.0, log=True)


def dots() -> Dots:
    values = np.array(
        [
            [[0.50, 0.42, 0.58], [0.47, 0.39, 0.55]],
            [[0.55, 0.46, 0.64], [NAN, NAN, NAN]],
            [[0.34, 0.27, 0.41], [0.36, 0.28, 0.44]],
            [[0.41, NAN, NAN], [0.44, 0.31, 0.57]],
        ]
    )
    labels = [
        CELLS,
        TWICE,
        PLACEBO,
        Verbatim("Intravenous, after conditioning and with homing molecules", "静脉输注（预处理后，带归巢分子）"),
    ]
    groups = [Message("figure.simulated"), Message("figure.observed")]
    x_label = Verbatim("In remission at week 24", "第 24 周缓解比例")
    return Dots(
        Verbatim("Simulated beside observed", "模拟与实际观察对照"),
        labels,
        groups,
        values,
        x_label,
        percent=True,
        reference=0.34,
    )


def single_dots() -> Dots:
    values = np.array([[[1.3, 0.9, 1.9]], [[2.2, 1.1, 4.4]], [[NAN, NAN, NAN]]])
    labels = [Verbatim("Young", "青年"), Verbatim("Old", "老年"), Verbatim("Not known", "不详")]
    return Dots(
        Verbatim("Odds ratio by age", "各年龄组比值比"),
        labels,
        [Verbatim("")],
        values,
        Verbatim("Odds ratio", "比值比"),
        log=True,
        reference=1.0,
    )


def ladder() -> Bars:
    steps = [Message(f"head.{key}") for key in ("nominal", "viable", "potent", "delivered", "engrafted")]
    amounts = np.array([1.2e8, 1.05e8, 9.4e7, 8.1e7, 3.2e5])
    values = np.stack([np.stack([amounts * f, amounts * f / 1.3, amounts * f * 1.3], axis=1) for f in (1, 0.4)], axis=1)
    values[:3, :, 1:] = NAN
    values[4, 1] = NAN
    groups = [Verbatim("Into the fistula", "瘘管内注射"), Verbatim("Intravenous", "静脉输注")]
    return Bars(
        Verbatim("From the label to the gut", "从标示剂量到定植细胞"),
        steps,
        groups,
        values,
        Message("head.cells"),
        log=True,
    )


def costs() -> Bars:
    values = np.array([[[250_000.0, 2e5, 3e5]], [[120_000.0, NAN, NAN]], [[-40_000.0, -6e4, -2e4]], [[0.0, NAN, NAN]]])
    labels = [
        Verbatim("Manufacture", "生产"),
        Verbatim("Surgery", "手术"),
        Verbatim("Biologics saved", "节省的生物制剂"),
        Verbatim("Nothing", "无"),
    ]
    return Bars(Verbatim("Costs of a course", "单个疗程的成本"), labels, [Verbatim("")], values, Verbatim("CNY", "元"))


def tornado() -> Tornado:
    names = [
        ("Closure rate of the tract", "瘘管闭合速率"),
        (
            "Share of cells that die within a day of being injected into inflamed tissue around the fistula",
            "注射后一天内死亡的细胞比例",
        ),
        ("Flares per year", "年发作次数"),
        ("Viability of the lot", "批次存活率"),
        ("A parameter without result", "无结果的参数"),
        ("Both ends on one side", "两端同侧"),
    ]
    low = np.array([0.08, 0.22, 0.19, 0.13, NAN, 0.2])
    high = np.array([0.24, 0.07, 0.11, 0.18, 0.2, 0.17])
    labels = [Verbatim(en, zh) for en, zh in names]
    title = Verbatim("What moves the difference", "影响差值的因素")
    return Tornado(
        title,
        labels,
        low,
        high,
        0.15,
        Verbatim("Difference in remission at week 24", "第 24 周缓解率差值"),
        percent=True,
    )


def figures() -> dict[str, Figure]:
    """One of each kind, and the awkward ones."""
    return {
        "trajectories": trajectories(),
        "panels": panels(),
        "forest": forest(),
        "ratios": ratios(),
        "dots": dots(),
        "single-dots": single_dots(),
        "ladder": ladder(),
        "costs": costs(),
        "tornado": tornado(),
    }
