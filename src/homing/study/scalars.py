"""The kinds of text a study file is made of, each with its converter and its place in the JSON Schema.

Every scalar of a study file arrives as text (`ground.text_yaml`); a converter here turns it into a typed value or says
in one sentence what is wrong with it and what would be right.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from homing.evidence.prices import CURRENCIES
from homing.ground.calendar import DAYS_PER_YEAR, read_time
from homing.ground.errors import HomingError
from homing.ground.keys import LARGEST_SEED
from homing.ground.nearest import did_you_mean
from homing.ground.units import factor, read_quantity, split_quantity

MOST_PATIENTS = 10_000_000
LONGEST_STUDY_YEARS = 30
LONGEST_TEXT = 2000
MOST_POTENCY = 3.0
FORMAT = 1
LANGUAGES = ("en", "zh")
LEVELS = ("low", "medium", "high")
_NAME = re.compile(r"^\w[\w .+-]*$")
_WHOLE = re.compile(r"^[+-]?\d+(_\d{3})*$")
_ZERO_FIRST = re.compile(r"^[+-]?0[\d_]*\d$")
_DECIMAL = re.compile(r"^[+-]?\d+(_\d{3})*(\.\d*)?([eE][+-]?\d+)?$")


@dataclass(frozen=True)
class Amount:
    """How much is written for one dose: a number of `of`, per kg of the patient's weight where `per_kg`."""

    number: float
    of: Literal["cell", "mg", "mL", "fraction"]
    per_kg: bool = False


#: What a dose may measure and the unit it is kept in. A share is written in per cent, so that mg/kg (which is a share
#: too, of weight by weight) is never taken for one.
_UNITS: Mapping[Literal["cell", "mg", "mL", "fraction"], str] = {"cell": "cell", "mg": "mg", "mL": "mL"}


class NoUnit(HomingError):
    """A dose without a unit, which only what is given can tell."""


def refuse(message: str) -> PydanticCustomError:
    """A refusal in Homing's words, to be raised in a validator."""
    return PydanticCustomError("homing", "{says}", {"says": message})


def refuse_no_value(message: str, example: str) -> PydanticCustomError:
    """A refusal of what is no single value; `example` stands where the key has none of its own."""
    return PydanticCustomError("homing-no-value", "{says}", {"says": message, "example": example})


def text_of(value: Any, example: str) -> str:
    """The text of a scalar. Refuses a list, a mapping and nothing at all, with an example of what is wanted."""
    if isinstance(value, str):
        text = value.strip()
        if text:
            return text
    if value is None or value == "":
        raise refuse_no_value("has no value.", example)
    if isinstance(value, list | dict):
        kind = "a list" if isinstance(value, list) else "a mapping"
        raise refuse_no_value(f"is {kind}, and one value is wanted.", example)
    if isinstance(value, str):
        raise refuse_no_value("is only spaces.", example)
    return str(value)


def shown(text: str) -> str:
    """A user's text in quotes, cut where it is long, on one line."""
    flat = " ".join(text.split())
    return f"'{flat if len(flat) <= 60 else flat[:57] + '...'}'"


def scalar(read: Callable[[str], Any], example: str) -> PlainValidator:
    """A validator that reads text; what `read` refuses by a HomingError becomes the refusal of the key."""

    def convert(value: Any) -> Any:
        """The typed value of a scalar, or a refusal in Homing's words."""
        text = text_of(value, example)
        try:
            return read(text)
        except NoUnit as e:
            raise PydanticCustomError("homing-no-unit", "{says}", {"says": e.message, "text": text}) from None
        except HomingError as e:
            raise refuse(e.message) from None

    return PlainValidator(convert)


def read_words(text: str) -> str:
    """A sentence or title. Refuses control characters and more than 2,000 characters."""
    if len(text) > LONGEST_TEXT:
        raise HomingError(f"is longer than {LONGEST_TEXT} characters. Shorten it.")
    if any(not c.isprintable() and c not in "\n\t" for c in text):
        raise HomingError("holds control characters. Take them out.")
    return " ".join(text.split())


def read_name(text: str) -> str:
    """A key of the catalogue or a name in the file: letters, digits, spaces, '.', '+' and '-', at most 60."""
    if len(text) > 60 or not _NAME.match(text):
        raise HomingError(f"{shown(text)} is not a name. Use letters, digits, spaces, '.', '+' and '-', at most 60.")
    return text


def read_format(text: str) -> int:
    """The number of the file format, 1."""
    if text != str(FORMAT):
        raise HomingError(f"format {shown(text)} is not known to this version, which reads format {FORMAT}.")
    return FORMAT


def _whole(text: str, what: str, example: str) -> int:
    if _ZERO_FIRST.match(text):
        raise HomingError(
            f"{shown(text)} begins with 0, which some programs take for another kind of number. "
            f"Write '{'-' * text.startswith('-')}{text.lstrip('+-0_') or '0'}'."
        )
    if _WHOLE.match(text) and len(text) <= 40:
        return int(text)
    if _DECIMAL.match(text) and float(text.replace("_", "")).is_integer() and abs(float(text.replace("_", ""))) < 2**53:
        return int(float(text.replace("_", "")))  # 1e6 patients, 1000.0
    raise HomingError(f"{shown(text)} is not {what}. Write a whole number such as {example}.")


def check_patients(count: int) -> int:
    """The number of virtual patients in each arm. Raises HomingError outside 1 to 10 million."""
    if count < 1:
        raise HomingError(f"{count} patients can't be simulated: the cohort would be empty. Write 1 or more.")
    if count > MOST_PATIENTS:
        raise HomingError(f"{count} patients are more than the {MOST_PATIENTS} that a study takes. Write fewer.")
    return count


def check_seed(seed: int) -> int:
    """The seed. Raises HomingError outside 0 to 2^63 - 1."""
    if not 0 <= seed <= LARGEST_SEED:
        raise HomingError(f"{seed} is no seed. Write a whole number from 0 to {LARGEST_SEED}, or leave it out.")
    return seed


def check_language(name: str) -> str:
    """The language of the report. Raises HomingError unless it is one of LANGUAGES."""
    if name not in LANGUAGES:
        raise HomingError(f"there is no language {shown(name)}. Write en (English) or zh (Chinese).")
    return name


def read_patients(text: str) -> int:
    """'1000' or '1e6' as a number of patients."""
    return check_patients(_whole(text, "a number of patients", "1000"))


def read_trial_size(text: str) -> int:
    """'106' as the patients randomised to each arm of the real trial."""
    count = _whole(text, "a number of patients", "106")
    if not 1 <= count <= MOST_PATIENTS:
        raise HomingError(f"{count} patients per arm: a trial has 1 to {MOST_PATIENTS}.")
    return count


def read_seed(text: str) -> int:
    """'2016' as a seed."""
    return check_seed(_whole(text, "a seed", "2016"))


def read_repeats(text: str) -> int:
    """'4' as how often a dose is repeated, 1 to 1,000."""
    count = _whole(text, "a number of doses", "4")
    if not 1 <= count <= 1000:
        raise HomingError(f"{count} doses: a schedule has 1 to 1000.")
    return count


def read_day(text: str) -> float:
    """'week 24' as days from the start. Refuses times before the start and after 30 years."""
    day = read_time(text)
    if day < 0:
        raise HomingError(f"{shown(text)} is before the start. Count from week 0, the start of treatment.")
    if not day <= LONGEST_STUDY_YEARS * DAYS_PER_YEAR:
        raise HomingError(f"{shown(text)} is more than {LONGEST_STUDY_YEARS} years after the start.")
    return day + 0.0  # 'week -0' is week 0


def read_interval(text: str) -> float:
    """'4 weeks' as days; positive."""
    unit = split_quantity(text)[1]
    try:
        days = read_quantity(text, "d")
    except HomingError as e:
        raise (
            HomingError(f"{shown(text)} is no length of time. Write for instance '4 weeks'.") if unit else e
        ) from None
    if not 0 < days <= LONGEST_STUDY_YEARS * DAYS_PER_YEAR:
        raise HomingError(f"{shown(text)} is no interval between doses. Write for instance '4 weeks'.")
    return days


def read_amount(text: str) -> Amount:
    """'120e6 cells', '2e6 cells/kg', '5 mg/kg', '24 mL' or '20 %' as an Amount. Positive and finite."""
    number, unit = split_quantity(text)
    if not unit:
        raise NoUnit(
            f"{shown(text)} has no unit. Write '{text} cells/kg' (by each patient's weight), '{text} cells', "
            f"'{text} mg' or '{text} mL'."
        )
    written, slash, per = (part.strip() for part in unit.partition("/"))
    if slash and per != "kg":
        raise HomingError(f"{shown(text)} is not a dose: it is per {shown(per)}. {_dose_units(unit)}")
    if unit == "%":
        if number > 100:
            raise HomingError(f"{shown(text)} is more than 100 %, the whole community. Write for instance '2 %'.")
        return Amount(_positive(text, number / 100), "fraction")
    for of, canonical in _UNITS.items():
        try:
            size = factor(written, canonical)
        except HomingError as e:
            if "different things" in e.message:
                continue
            raise HomingError(f"{shown(text)}: unknown unit {shown(unit)}. {_dose_units(unit)}") from None
        return Amount(_positive(text, number * size), of, bool(slash))
    raise HomingError(f"{shown(text)} is not a dose: {shown(unit)} measures something else. {_dose_units(unit)}")


def _positive(text: str, number: float) -> float:
    """A dose without the last digits that conversion adds. Refuses what is not above zero and finite."""
    if not number > 0 or not math.isfinite(number):
        raise HomingError(f"the dose {shown(text)} must be more than zero and finite.")
    return float(f"{number:.15g}")


def _dose_units(unit: str) -> str:
    return did_you_mean(unit, ["cells", "cells/kg", "mg", "mg/kg", "mL", "%"])


def _fraction(text: str, what: str) -> float:
    try:
        value = read_quantity(text, "1")
    except HomingError:
        raise HomingError(f"{shown(text)} is not {what}. Write for instance '10 %' or '0.1'.") from None
    return value


def read_release(text: str) -> float:
    """'88 %' as a share of living or potent cells, above 0 and at most 1."""
    value = _fraction(text, "a percentage")
    if not 0 < value <= 1:
        raise HomingError(f"{shown(text)} is outside 0 to 100 %. Write for instance '88 %'.")
    return value


def read_share(text: str) -> float:
    """'20 %' or '0.2' as a share, from 0 to 1."""
    value = _fraction(text, "a fraction")
    if not 0 <= value <= 1:
        raise HomingError(f"{shown(text)} is outside 0 to 1 (or 0 to 100 %). Write for instance '20 %' or '0.2'.")
    return value


def read_potency(text: str) -> float:
    """'90 %' as potency against the reference, above 0 and at most 300 %: a lot may exceed the reference."""
    value = _fraction(text, "a percentage")
    if not 0 < value <= MOST_POTENCY:
        raise HomingError(f"{shown(text)} is outside 0 to {MOST_POTENCY * 100:.0f} %. Write for instance '90 %'.")
    return value


def read_dropout(text: str) -> float:
    """'10 %' as the share lost to follow-up, from 0 to less than 1."""
    value = _fraction(text, "a percentage")
    if not 0 <= value < 1:
        raise HomingError(f"{shown(text)} is outside 0 to 100 %. Write the share of patients lost, such as '10 %'.")
    return value


def read_matters(text: str) -> float:
    """'5 %' as a difference of shares, above 0 and below 1."""
    value = _fraction(text, "a percentage")
    if not 0 < value < 1:
        raise HomingError(
            f"{shown(text)} is no difference of shares. Write one above 0 and below 100 %, such as '5 %'."
        )
    return value


def read_rate(text: str) -> tuple[float, str]:
    """'9 CNY' as the number of a currency that one of another buys."""
    number, _, currency = text.partition(" ")
    if not _DECIMAL.match(number) or not 0 < float(number.replace("_", "")) < 1e9 or currency.strip() not in CURRENCIES:
        raise HomingError(f"{shown(text)} is no rate of exchange. Write what one buys, such as '9 CNY'.")
    return float(number.replace("_", "")), currency.strip()


def read_alpha(text: str) -> float:
    """'0.05' as a two-sided level of significance, between 0 and 0.5."""
    value = _fraction(text, "a level of significance")
    if not 0 < value < 0.5:
        raise HomingError(f"{shown(text)} is no two-sided level of significance. Write one between 0 and 0.5, as 0.05.")
    return value


def read_level(text: str) -> str:
    """'low', 'medium' or 'high'."""
    if text not in LEVELS:
        raise HomingError(f"{shown(text)} is no level. Write low, medium or high.")
    return text


def read_date(text: str) -> str:
    """'2024-03-14', a day of the calendar that has come."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise HomingError(f"{shown(text)} is no date. Write year-month-day, such as 2024-03-14.") from None
    if day > date.today() + timedelta(days=1):  # somewhere on Earth it is tomorrow
        raise HomingError(f"{shown(text)} is in the future. Write the day on which it was decided.")
    return day.isoformat()


def read_yes(text: str) -> bool:
    """'yes' or 'no'."""
    if text not in {"yes", "no"}:
        raise HomingError(f"{shown(text)} is neither yes nor no.")
    return text == "yes"


def read_accept(text: str) -> bool:
    """'accept', the only word that lets a lot out of specification through."""
    if text != "accept":
        raise HomingError(f"{shown(text)} is not 'accept', the only value it takes. Leave the key out otherwise.")
    return True


def _json(kind: str | list[str], example: object, **more: object) -> WithJsonSchema:
    return WithJsonSchema({"type": kind, "examples": [example], **more})


_NUMBER_JSON: list[str] = ["integer", "string"]
_SHARE_JSON: list[str] = ["number", "string"]
Words = Annotated[str, scalar(read_words, "ADMIRE-CD in virtual patients"), _json("string", "ADMIRE-CD")]
Name = Annotated[str, scalar(read_name, "darvadstrocel"), _json("string", "darvadstrocel", maxLength=60)]
Format = Annotated[int, scalar(read_format, "1"), WithJsonSchema({"enum": [FORMAT, str(FORMAT)], "examples": [1]})]
Patients = Annotated[int, scalar(read_patients, "1000"), _json(_NUMBER_JSON, 1000, minimum=1, maximum=MOST_PATIENTS)]
TrialSize = Annotated[int, scalar(read_trial_size, "106"), _json(_NUMBER_JSON, 106, minimum=1, maximum=MOST_PATIENTS)]
Seed = Annotated[int, scalar(read_seed, "2016"), _json(_NUMBER_JSON, 2016, minimum=0, maximum=LARGEST_SEED)]
Repeats = Annotated[int, scalar(read_repeats, "4"), _json(_NUMBER_JSON, 4, minimum=1, maximum=1000)]
Day = Annotated[
    float,
    scalar(read_day, "week 24"),
    _json("string", "week 24", pattern=r"^\s*((day|week|month|year)\s+[0-9.]+|[0-9].*[a-z])\s*$"),
]
Interval = Annotated[float, scalar(read_interval, "4 weeks"), _json("string", "4 weeks")]
Dosage = Annotated[Amount, scalar(read_amount, "120e6 cells"), _json("string", "120e6 cells")]
Release = Annotated[float, scalar(read_release, "88 %"), _json(_SHARE_JSON, "88 %")]
Share = Annotated[float, scalar(read_share, "20 %"), _json(_SHARE_JSON, "20 %")]
Potency = Annotated[float, scalar(read_potency, "90 %"), _json(_SHARE_JSON, "90 %")]
Dropout = Annotated[float, scalar(read_dropout, "10 %"), _json(_SHARE_JSON, "10 %")]
Matters = Annotated[float, scalar(read_matters, "5 %"), _json(_SHARE_JSON, "5 %")]
Rate = Annotated[tuple[float, str], scalar(read_rate, "9 CNY"), _json("string", "9 CNY")]
Alpha = Annotated[float, scalar(read_alpha, "0.05"), _json(_SHARE_JSON, 0.05)]
Level = Annotated[str, scalar(read_level, "medium"), WithJsonSchema({"enum": list(LEVELS), "examples": ["medium"]})]
Date = Annotated[str, scalar(read_date, "2024-03-14"), _json("string", "2024-03-14", format="date")]
Yes = Annotated[bool, scalar(read_yes, "yes"), WithJsonSchema({"enum": ["yes", "no", True, False]})]
Accept = Annotated[bool, scalar(read_accept, "accept"), WithJsonSchema({"enum": ["accept"]})]
Language = Annotated[str, scalar(check_language, "en"), WithJsonSchema({"enum": list(LANGUAGES), "examples": ["zh"]})]
