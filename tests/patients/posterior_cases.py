"""A small posterior for tests, written as files: its numbers are easy to follow, and the shipped ones may change."""

from __future__ import annotations

from pathlib import Path

YAML = """\
version: '7'
made: {homing: 0.1.0, on: '2020-01-01', data: none, seed: '1'}
public until: '2019-12-31'
draws: draws.csv
parameters:
  closing:
    name: {en: closing, zh: 闭合}
    multiplies: [tract.k_close, tract.secretome_closure]
    informed: 'yes'
    prior: {median: '1', low: '0.5', high: '2'}
    posterior: {median: '1.2', low: '0.9', high: '1.6'}
    shrinkage: '0.6'
    from: [ADMIRE-CD]
    summary: up
  depth:
    name: {en: depth, zh: 深度}
    multiplies: [memory_survival]
    informed: 'no'
    prior: {median: '1', low: '0.2', high: '5'}
    posterior: {median: '1', low: '0.2', high: '5'}
    shrinkage: '0'
    summary: down
  rate:
    name: {en: rate, zh: 频率}
    multiplies: [flares.rate]
    informed: 'no'
    prior: {median: '1', low: '0.5', high: '2'}
    posterior: {median: '1', low: '0.5', high: '2'}
    shrinkage: '0'
    summary: none
"""
#: Five draws a parameter; columns are not in the order of the parameters.
DRAWS = """\
depth,closing,rate
5,0.5,1
4,1,1
3,1.5,2
2,2,2
1,2.5,4
"""


def write(folder: Path, text: str = YAML, draws: str | None = DRAWS) -> Path:
    """The posterior as files in a folder. Returns the path of its YAML."""
    file = folder / "posterior.yaml"
    file.write_text(text, encoding="utf-8")
    if draws is not None:
        (folder / "draws.csv").write_text(draws, encoding="utf-8")
    return file
