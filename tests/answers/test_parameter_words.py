"""The words for parameters are those of the code, and none is missing in Chinese."""

from __future__ import annotations

import re

from homing.biology.ibd import ibd_system
from homing.report.words import Words


def test_parameters_mean_what_the_mechanism_says() -> None:
    english = Words("en")
    for name, parameter in ibd_system().parameters.items():
        assert english.key(f"parameter.{name}") == parameter.doc


def test_parameters_are_explained_in_chinese() -> None:
    chinese = Words("zh")
    for name in ibd_system().parameters:
        assert re.search(r"[\u4e00-\u9fff]", chinese.key(f"parameter.{name}")), name
