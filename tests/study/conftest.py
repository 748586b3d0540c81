"""Tests over the corpus of study files, see study_corpus.py."""

import pytest
from study_corpus import EXAMPLES, EXPECTED, INVALID, ROOT, VALID


def pytest_generate_tests(metafunc):
    """A test that asks for `sound` runs on every file that must be taken, one that asks for `faulty` on the others."""
    if "sound" in metafunc.fixturenames:
        metafunc.parametrize("sound", [*VALID, *EXAMPLES], ids=lambda path: path.stem)
    if "faulty" in metafunc.fixturenames:
        metafunc.parametrize("faulty", INVALID, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def expected():
    """The line, key and phrase of each refusal, by the name of the file."""
    return EXPECTED


@pytest.fixture(scope="session")
def admire():
    """The text of the first example."""
    return (ROOT / "examples" / "admire-cd.yaml").read_text(encoding="utf-8")
