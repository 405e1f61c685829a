"""What every test run shares: one hypothesis profile, so that a failure found once is found again, and one folder for
compiled kernels, so that a test with a cache of its own does not compile them anew."""

import os

import pytest
from hypothesis import settings

from sim.jit import cache_folder

settings.register_profile("shamtrial", derandomize=True, deadline=None)
settings.load_profile("shamtrial")

os.environ.pop("COLUMNS", None)  # tables are as wide as without a terminal, whoever starts the tests

if kept := cache_folder():
    os.environ["SHAMTRIAL_KERNELS"] = str(kept.parent)


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """Compile what runs need before the first test, so that no test meets the message that says so."""
    from sim.study.play import Play
    from sim.study.tally import Analyse
    from tests.helpers import scenario

    for name in ("sham_rct", "published/zamboni_2009", "published/zamboni_2012", "bench/j2"):
        Analyse(Play(scenario(name), 1)).warm()
