"""Every word that stands in a picture of this package, English and Chinese side by side."""

from __future__ import annotations

from dataclasses import dataclass

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.report.words import LANGUAGES, Words

TEXTS: dict[str, tuple[str, str]] = {
    "study": ("Study", "研究"),
    "cells": ("Cells", "细胞组"),
    "control": ("Control", "对照组"),
    "events": ("events / n", "事件数 / n"),
    "weight": ("Weight", "权重"),
    "interval": ("({level} interval)", "（{level} 区间）"),
    "favours-cells": ("favours cells", "支持细胞治疗"),
    "favours-control": ("favours control", "支持对照"),
    "overall": ("All studies", "全部研究"),
    "subtotal": ("Together", "小计"),
    "prediction": ("Prediction interval", "预测区间"),
    "no-estimate": ("not estimable", "无法估计"),
    "heterogeneity": ("Heterogeneity: {parts}", "异质性：{parts}"),
    "between": ("Test between subgroups: {parts}", "亚组间检验：{parts}"),
    "effect-test": ("Test of no effect: {parts}", "总效应检验：{parts}"),
    "separator": ("; ", "；"),
    "bias": ("Risk of bias", "偏倚风险"),
    "bias-colon": ("Risk of bias:", "偏倚风险："),
    "domains": ("Domains:", "评价领域："),
    "studies": ("Studies", "研究数"),
    "patients": ("patients", "患者"),
    "n-patients": ("{n} patients", "{n} 名患者"),
    "n-studies": ("{n} studies", "{n} 项研究"),
    "one-study": ("1 study", "1 项研究"),
    "after-adding": ("Studies up to", "累计至"),
    "without": ("without {name}", "去除 {name}"),
    "left-out": ("Study left out", "去除的研究"),
    "standard-error": ("Standard error", "标准误"),
    "standard-error-log": ("Standard error (log scale)", "标准误（对数尺度）"),
    "standard-error-pooling": ("Standard error (scale of pooling)", "标准误（合并所用尺度）"),
    "p-above": ("p > 0.10", "p > 0.10"),
    "p-10": ("0.05 < p < 0.10", "0.05 < p < 0.10"),
    "p-5": ("0.01 < p < 0.05", "0.01 < p < 0.05"),
    "p-1": ("p < 0.01", "p < 0.01"),
    "filled": ("added by trim and fill", "剪补法补入"),
    "pooled": ("pooled effect", "合并效应"),
    "pooled-level": ("pooled effect with {level} funnel", "合并效应及 {level} 漏斗线"),
    "no-effect": ("no effect", "无效线"),
    "baujat-x": ("Share of the heterogeneity (Q)", "对异质性（Q）的贡献"),
    "baujat-y": ("Influence on the pooled effect", "对合并效应的影响"),
    "proportion-control": ("Control group, % with the event", "对照组事件率（%）"),
    "proportion-cells": ("Cell group, % with the event", "细胞组事件率（%）"),
    "equality": ("equal in both groups", "两组相等"),
    "line": ("regression line", "回归线"),
    "band": ("{level} interval", "{level} 区间"),
    "credible": ("{level} credible band", "{level} 可信带"),
    "median": ("median", "中位曲线"),
    "weeks": ("Weeks since treatment", "治疗后周数"),
    "share": ("Patients with the outcome, %", "达到结局的患者比例（%）"),
    "farthest": ("named: the {n} studies farthest from the corner", "仅标出离原点最远的 {n} 项研究"),
    "pooled-is": ("pooled effect: {name} {value}", "合并效应：{name} {value}"),
    "at-most": ("area: patients, {n} at most", "面积：患者数，最多 {n} 名"),
    "bubble-n": ("area: patients", "面积：患者数"),
    "bubble-weight": ("area: weight of the study", "面积：研究权重"),
    "node-size": ("area of a circle: patients", "圆面积：患者数"),
    "edge-width": ("width and number of a line: studies", "连线粗细与数字：研究数"),
    "controlled": ("controlled (number of studies inside)", "有对照（内为研究数）"),
    "uncontrolled": ("uncontrolled", "无对照"),
    "no-font": (
        "No font of this machine shows {characters}, so only the SVG is written, which takes the reader's fonts. "
        "Install 'Noto Sans CJK SC' for PDF and PNG.",
        "本机没有可显示 {characters} 的字体，因此只生成 SVG（使用读者电脑的字体）。"
        "如需 PDF 和 PNG，请安装 Noto Sans CJK SC。",
    ),
    # judgements of bias, with the letter inside the light
    "bias.low": ("low", "低"),
    "bias.some concerns": ("some concerns", "有一定疑虑"),
    "bias.moderate": ("moderate", "中等"),
    "bias.unclear": ("unclear", "不清楚"),
    "bias.high": ("high", "高"),
    "bias.serious": ("serious", "严重"),
    "bias.critical": ("critical", "极严重"),
    "bias.no information": ("no information", "无信息"),
    "letter.low": ("L", "低"),
    "letter.some concerns": ("C", "疑"),
    "letter.moderate": ("M", "中"),
    "letter.unclear": ("U", "未"),
    "letter.high": ("H", "高"),
    "letter.serious": ("S", "重"),
    "letter.critical": ("X", "极"),
    "letter.no information": ("?", "?"),
    # domains of RoB 2 and ROBINS-I
    "domain.overall": ("overall", "总体"),
    "domain.randomisation": ("randomisation", "随机化过程"),
    "domain.deviations": ("deviations from the intended treatment", "偏离既定干预"),
    "domain.missing data": ("missing data", "结局数据缺失"),
    "domain.measurement": ("measurement of the outcome", "结局测量"),
    "domain.selection of the result": ("selection of the reported result", "选择性报告结果"),
    "domain.confounding": ("confounding", "混杂"),
    "domain.selection of patients": ("selection of patients", "患者选择"),
    "domain.classification": ("classification of treatments", "干预分类"),
    # measures, as the axis names them
    "measure.risk-difference": ("Risk difference, percentage points", "率差（百分点）"),
    "measure.risk-ratio": ("Risk ratio", "相对危险度"),
    "measure.odds-ratio": ("Odds ratio", "比值比"),
    "measure.peto-odds-ratio": ("Odds ratio (Peto)", "比值比（Peto 法）"),
    "measure.arcsine-difference": ("Arcsine difference", "反正弦差"),
    "measure.proportion": ("Patients with the event, %", "事件率（%）"),
    "measure.rate-ratio": ("Rate ratio", "率比"),
    "measure.rate-difference": ("Rate difference", "发生率差"),
    "measure.root-rate-difference": ("Difference of root rates", "发生率平方根之差"),
    "measure.rate": ("Rate", "发生率"),
    "measure.mean-difference": ("Mean difference", "均数差"),
    "measure.standardised-mean-difference": ("Standardised mean difference", "标准化均数差"),
    "measure.ratio-of-means": ("Ratio of means", "均数比"),
    "measure.hazard-ratio": ("Hazard ratio", "风险比"),
    "measure.mean": ("Mean", "均数"),
}


@dataclass(frozen=True)
class Texts:
    """The words of one language; `words` prints numbers in it. Raises StudyError for a language that isn't there."""

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise StudyError(f"no texts in '{self.language}'. {did_you_mean(self.language, LANGUAGES)}", "language")

    @property
    def words(self) -> Words:
        """Numbers, percentages and intervals of the language, as the report prints them."""
        return Words(self.language)

    def __call__(self, key: str, **values: str) -> str:
        """The text of a key with its placeholders filled."""
        return TEXTS[key][LANGUAGES.index(self.language)].format(**values)

    def named(self, kind: str, name: str) -> str:
        """The text of `kind.name`, or the name itself where it is none of ours."""
        return self(f"{kind}.{name}") if f"{kind}.{name}" in TEXTS else name

    def level(self, level: float) -> str:
        """'95 %' or '97.5 %'."""
        return self.words.percent(level, 0 if abs(100 * level - round(100 * level)) < 1e-9 else 1)
