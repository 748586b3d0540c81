"""`homing catalog compare`: two or more products side by side, each fact in both languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from homing.evidence.catalogue import entry
from homing.evidence.store import Store
from homing.protocol import catalogue
from homing.protocol.product import Product, Statement, Status
from homing.protocol.product_evidence import by_basis, dose_ranges, patients_treated, trial_patients

#: Words of the table: English, Chinese.
WORDS: Mapping[str, tuple[str, str]] = {
    "product": ("product", "产品"),
    "stage": ("stage", "阶段"),
    "status": ("status by region", "各地区监管状态"),
    "cells": ("source of cells", "细胞来源"),
    "dose": ("usual dose", "常用剂量"),
    "doses": ("doses in trials", "试验剂量范围"),
    "routes": ("routes", "给药途径"),
    "prepare": ("preparation", "预处理"),
    "release": ("release criteria", "放行标准"),
    "strengths": ("strengths", "优势"),
    "weaknesses": ("weaknesses", "不足"),
    "trials": ("trials (patients)", "试验（例数）"),
    "profile": ("values of the model", "模型参数"),
    "none": ("none", "无"),
    "not read": ("not read", "未读到"),
    "exploratory": ("exploratory: no result in IBD", "探索性：无IBD结果"),
    "with IBD": ("patients with IBD", "例IBD患者"),
    "with others": ("with other diseases", "例其他疾病患者"),
    "planned": ("planned", "计划"),
    "measured": ("measured", "实测"),
    "estimated": ("estimated", "估计"),
    "assumed": ("assumed", "假设"),
    "for": ("for", "用于"),
    "allogeneic": ("allogeneic", "异体"),
    "autologous": ("autologous", "自体"),
    "donor": ("donors", "供者"),
    "approved": ("approved", "已批准"),
    "conditionally-approved": ("approved conditionally", "附条件批准"),
    "withdrawn": ("withdrawn", "已撤市"),
    "not-recommended": ("not recommended", "未获推荐"),
    "in-trials": ("in trials", "临床试验中"),
    "stopped": ("stopped", "已终止"),
    "not-seen": ("not seen", "未见"),
    "eu": ("European Union", "欧盟"),
    "uk": ("United Kingdom", "英国"),
    "switzerland": ("Switzerland", "瑞士"),
    "israel": ("Israel", "以色列"),
    "us": ("United States", "美国"),
    "canada": ("Canada", "加拿大"),
    "japan": ("Japan", "日本"),
    "china": ("China", "中国"),
    "south-korea": ("South Korea", "韩国"),
    "australia": ("Australia", "澳大利亚"),
    "viability": ("viability", "活率"),
    "identity": ("identity", "鉴别"),
    "potency": ("potency", "效力"),
    "purity": ("purity", "纯度"),
    "sterility": ("sterility", "无菌"),
    "count": ("count", "计数"),
    "other": ("other", "其他"),
}


def word(key: str, language: str) -> str:
    """A word of the table in a language."""
    return WORDS[key][language == "zh"]


def compare_products(keys: Sequence[str], store: Store) -> list[dict[str, Any]]:
    """What the catalogue and the evidence say of each product, in both languages, ready for JSON."""
    return [_facts(catalogue.product(key), store) for key in keys]


def table_rows(keys: Sequence[str], store: Store, language: str) -> list[tuple[str, list[str]]]:
    """Rows of the table: a label and one cell of text for each product."""
    products = [catalogue.product(key) for key in keys]
    cells: Mapping[str, Callable[[Product], str]] = {
        "stage": lambda p: _stage(p, language),
        "status": lambda p: "\n".join(_status(s, language) for s in p.status) or word("not-seen", language),
        "cells": lambda p: f"{word(p.origin, language)}, {p.tissue}",
        "dose": lambda p: f"{p.usual['dose']}, {p.usual['at']}" if p.usual else word("none", language),
        "doses": lambda p: _doses(p, store, language),
        "routes": lambda p: "\n".join(catalogue.route(r).name[language] for r in p.routes),
        "prepare": lambda p: "\n".join(catalogue.procedure(r).name[language] for r in p.prepare) or "-",
        "release": lambda p: _release(p, language),
        "strengths": lambda p: _statements(p.strengths, language),
        "weaknesses": lambda p: _statements(p.weaknesses, language),
        "trials": lambda p: _trials(p, store, language),
        "profile": lambda p: _profile(p, language),
    }
    return [(word(label, language), [cell(p) for p in products]) for label, cell in cells.items()]


def _stage(p: Product, language: str) -> str:
    said = _said(p.stage, language) if p.stage else word("not read", language)
    return f"{said}\n[{word('exploratory', language)}]" if p.exploratory else said


def _status(s: Status, language: str) -> str:
    parts = [f"{word(s.region, language)}: {word(s.standing, language)}"]
    if s.on:
        parts.append(s.on)
    if s.indication:
        parts.append(f"{word('for', language)} {s.indication[language]}")
    if s.note:
        parts.append(f"({s.note[language]})")
    return " ".join(parts)


def _doses(p: Product, store: Store, language: str) -> str:
    return "\n".join(r.text for r in dose_ranges(p, store)) or word("not read", language)


def _release(p: Product, language: str) -> str:
    return "\n".join(f"{word(c.test, language)}: {c.words[language]}" for c in p.release) or word("not read", language)


def _said(s: Statement, language: str) -> str:
    return s.zh if language == "zh" else s.en


def _statements(statements: Sequence[Statement], language: str) -> str:
    return "\n".join(f"- {_said(s, language)}" for s in statements) or "-"


def _trials(p: Product, store: Store, language: str) -> str:
    found = trial_patients(p, store)
    if not found:
        return word("none", language)
    planned = f", {word('planned', language)}"
    lines = [f"{t.trial} ({t.patients or '?'}{planned if t.is_planned else ''})" for t in found]
    ibd, others = (patients_treated(p, store, ibd=ibd) for ibd in (True, False))
    total = f"{ibd} {word('with IBD', language)}" + (f", {others} {word('with others', language)}" if others else "")
    return "\n".join([total, *lines])


def _profile(p: Product, language: str) -> str:
    lines = [p.profile]
    for basis, names in by_basis(p).items():
        listed = f": {', '.join(names)}" if names and basis != "assumed" else ""
        lines.append(f"{len(names)} {word(basis, language)}{listed}")
    return "\n".join(lines)


def _facts(p: Product, store: Store) -> dict[str, Any]:
    basis = by_basis(p)
    return {
        "key": p.key,
        "name": dict(p.name),
        "kind": p.kind,
        "origin": p.origin,
        "tissue": p.tissue,
        "exploratory": p.exploratory,
        "stage": None if p.stage is None else _both(p.stage),
        "status": [
            {
                **{"region": s.region, "standing": s.standing, "on": s.on, "for": dict(s.indication)},
                **{"note": dict(s.note), "sources": list(s.sources)},
            }
            for s in p.status
        ],
        "usual": dict(p.usual),
        "doses in trials": [
            {"low": r.low, "high": r.high, "unit": r.unit, "trials": list(r.trials)} for r in dose_ranges(p, store)
        ],
        "routes": list(p.routes),
        "prepare": list(p.prepare),
        "release": [
            {"test": c.test, "read": c.is_read, "words": dict(c.words), "sources": list(c.sources)} for c in p.release
        ],
        "strengths": [_both(s) for s in p.strengths],
        "weaknesses": [_both(s) for s in p.weaknesses],
        "patients": patients_treated(p, store),
        "patients with other diseases": patients_treated(p, store, ibd=False),
        "trials": [
            {
                **{"key": t.trial, "patients": t.patients, "randomised": t.is_randomised},
                **{"planned": t.is_planned, "ibd": t.has_ibd},
            }
            for t in trial_patients(p, store)
        ],
        "profile": p.profile,
        "like": entry("profiles", p.profile).text("like"),
        "values": {name: list(values) for name, values in basis.items()},
    }


def _both(s: Statement) -> dict[str, Any]:
    return {"en": s.en, "zh": s.zh, "sources": list(s.sources)}
