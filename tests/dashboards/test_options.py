"""What a page is asked besides date and filters: it stands in the address, and what means nothing is said in words."""

import datetime as dt
from collections.abc import Iterator

import pytest

from dashboards.asked import Asked, read
from dashboards.options import SINCE_OPTION, Percent, Pick
from portal.core.metric import MetricError
from portal.core.scope import SYSTEM, acting
from tests.world import TODAY, World

pytestmark = pytest.mark.parametrize("engine", ["sqlite"], indirect=True, scope="session")

SHIFT = Percent("shift", "Shift")
SPLIT = Pick("split", "Split", (("branch", "Branch"), ("product", "Product")))
OPTIONS = (SINCE_OPTION, SHIFT, SPLIT)


@pytest.fixture(autouse=True)
def in_request(world: World) -> Iterator[None]:
    with world.app.test_request_context("/", headers={"Accept-Language": "en"}), acting(SYSTEM):
        yield


def asked(search: str) -> Asked:
    return read(search, ("branch",), OPTIONS)


def test_an_address_without_options_asks_the_usual_and_says_nothing_of_it():
    found = asked("")
    assert [found.option(key) for key in ("since", "shift", "split")] == [dt.date(2026, 5, 31), 10, "branch"]
    assert found.search() == ""


def test_what_was_chosen_stands_in_the_address_and_is_read_back():
    search = "?as_of=2026-05-31&since=2026-01-31&shift=25&split=product"
    found = asked(search)
    assert found.search() == search
    assert (found.as_of, found.month_end_before, found.start) == (
        dt.date(2026, 5, 31),
        dt.date(2026, 1, 31),
        dt.date(2026, 2, 1),
    )


def test_the_date_compared_with_follows_the_date_of_the_page():
    assert asked("?as_of=2026-05-31").month_end_before == dt.date(2026, 4, 30)
    assert asked("").month_end_before == dt.date(2026, 5, 31)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ("?since=2026-06-30", "must lie before"),
        ("?since=tomorrow", "tomorrow"),
        ("?shift=101", "is no whole number from 0 to 100"),
        ("?shift=-5", "is no whole number from 0 to 100"),
        ("?split=moon", "is none of branch, product"),
    ],
)
def test_an_option_that_means_nothing_is_refused_in_words(search: str, words: str):
    with pytest.raises(MetricError, match=words):
        asked(search)


def test_an_option_that_no_longer_fits_the_date_says_so():
    assert SINCE_OPTION.fits(dt.date(2026, 5, 31), TODAY)
    assert not SINCE_OPTION.fits(TODAY, TODAY)
