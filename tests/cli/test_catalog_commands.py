"""`homing catalog list | show | compare`: what they print, in both languages, and what they refuse."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from homing.cli.main import app
from homing.ground.errors import StudyError
from homing.protocol import catalogue


def homing(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["catalog", *arguments], env={"COLUMNS": "250"})


def test_products_are_listed_with_stage_and_patients() -> None:
    rows = json.loads(homing("list", "products", "--json").stdout)
    assert [row["key"] for row in rows] == [p.key for p in catalogue.products()]
    (darvadstrocel,) = (row for row in rows if row["key"] == "darvadstrocel")
    assert darvadstrocel["patients"] > 1000
    assert "withdrawn" in darvadstrocel["stage"]["en"]


def test_the_list_speaks_chinese() -> None:
    table = homing("list", "--lang", "zh").stdout
    assert "达伐司特罗" in table and "IBD例数" in table


def test_other_entries_are_listed_as_before() -> None:
    assert {row["key"] for row in json.loads(homing("list", "drugs", "--json").stdout)} >= {"infliximab"}


def test_a_product_is_shown_with_what_follows_from_the_evidence() -> None:
    shown = json.loads(homing("show", "products", "ova-treg", "--json").stdout)
    assert shown["usual"]["dose"] == "1e6 cells"
    assert shown["computed"]["patients"] == 20
    assert "doses in trials:" in homing("show", "products", "ova-treg").stdout


def test_products_stand_side_by_side() -> None:
    table = homing("compare", "darvadstrocel", "th-sc01").stdout
    for word in ("status by region", "withdrawn 2024-12-13", "release criteria", "1.2e8 cells", "6e6 to 1.8e8 cells"):
        assert word in table
    assert "ADMIRE-CD-II (283)" in table


def test_the_comparison_speaks_chinese() -> None:
    table = homing("compare", "autologous-hsct", "ova-treg", "--lang", "zh").stdout
    for word in ("各地区监管状态", "放行标准", "优势", "不足", "已终止"):
        assert word in table
    assert "weaknesses" not in table


def test_the_comparison_as_json_holds_both_languages_and_sources() -> None:
    first, second = json.loads(homing("compare", "remestemcel-l", "cd19-car-t", "--json").stdout)
    assert (first["key"], second["key"]) == ("remestemcel-l", "cd19-car-t")
    approved = first["status"][0]
    assert (approved["region"], approved["standing"], approved["on"]) == ("us", "approved", "2024-12-18")
    assert approved["sources"] and approved["for"]["zh"]
    assert second["values"]["measured"] == ["product.k_contraction", "product.f_memory", "product.k_memory_death"]
    assert second["prepare"] == ["lymphodepletion"]


@pytest.mark.parametrize("keys", [("darvadstrocel",), ("darvadstrocel", "darvadstrocel")])
def test_one_product_is_no_comparison(keys: tuple[str, ...]) -> None:
    result = homing("compare", *keys)
    assert isinstance(result.exception, StudyError) and result.exception.exit_code == 2
    assert "two or more" in str(result.exception)


def test_an_unknown_product_or_language_is_refused_with_the_nearest() -> None:
    assert "Did you mean 'th-sc01'" in str(homing("compare", "th-sc1", "darvadstrocel").exception)
    assert "--lang en or --lang zh" in str(homing("compare", "th-sc01", "darvadstrocel", "--lang", "fr").exception)


def test_an_entry_is_shown_in_one_language_where_asked() -> None:
    both, zh = (homing("show", "products", "darvadstrocel", "--json", *more).stdout for more in ([], ["--lang", "zh"]))
    whole, told = json.loads(both), json.loads(zh)
    assert told["name"] == whole["name"]["zh"] and told["delivery"] == whole["delivery"]
    assert "en" not in told["strengths"][0] and told["strengths"][0]["sources"] == whole["strengths"][0]["sources"]
    with pytest.raises(StudyError, match="no language"):
        CliRunner().invoke(app, ["catalog", "show", "products", "fmt", "--lang", "xx"], catch_exceptions=False)
