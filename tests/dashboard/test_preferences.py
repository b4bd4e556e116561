"""What a browser remembers of a page: palette, lanes, clock."""

from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab.dashboard.app import prepare
from rustpbx_lab.dashboard.pages.header import tab_title
from rustpbx_lab.dashboard.pages.preferences import (
    COOKIE,
    Preferences,
    read_preferences,
)
from rustpbx_lab.dashboard.shell import Shell
from rustpbx_lab.hub.hub import CallHub

from .conftest import conversation, ended_call, live

LIKED = Preferences("dark", "light", ("Metrics",), clock=True)


def test_a_cookie_reads_back_equal():
    assert read_preferences({COOKIE: LIKED.cookie}) == LIKED


def test_an_address_asks_for_another_theme():
    found = read_preferences({COOKIE: LIKED.cookie}, "light")
    assert not found.is_dark
    assert found.hidden == ("Metrics",)
    assert read_preferences({COOKIE: LIKED.cookie}, "purple").is_dark


@pytest.mark.parametrize(
    ("theme", "system", "is_dark"),
    [
        (None, None, False),
        (None, "dark", True),
        ("light", "dark", False),
        ("dark", "light", True),
    ],
)
def test_what_was_chosen_counts_more_than_the_system(theme, system, is_dark):
    assert Preferences(theme, system).is_dark is is_dark


@pytest.mark.slow
@given(st.text() | st.recursive(st.none() | st.integers(), st.lists).map(str))
def test_a_cookie_of_somebody_else_says_nothing(text: str):
    assert isinstance(read_preferences({COOKIE: text}), Preferences)
    assert isinstance(read_preferences({COOKIE: quote(text)}), Preferences)
    assert read_preferences({COOKIE: "[" * 100_000}) == Preferences()


@pytest.mark.slow
class TestPage:
    """A page begins as it is liked and says what was changed."""

    @pytest.fixture
    def kept(self) -> list[Preferences]:
        return []

    @pytest.fixture
    def page(self, hub: CallHub, kept: list[Preferences]) -> Shell:
        prepare()
        call = ended_call(conversation())
        hub._calls[call.id] = call
        page = Shell(hub, preferences=LIKED)
        page.keys._send_msg = lambda message: kept.extend(
            read_preferences({COOKIE: cookie})
            for name, cookie in message.items()
            if name == "keep"
        )
        return page

    def test_it_begins_as_it_is_liked(self, page: Shell):
        assert page.page.dark_theme
        assert live(page).timeline.bar.wall_clock.value
        assert live(page).timeline.bar.hidden == {"Metrics"}
        timeline = live(page).timeline
        rows = zip(timeline.lanes, timeline.rows.rows, strict=True)
        shown = [row.visible for lane, row in rows if not lane.is_optional]
        assert shown == [True, True, True, True, False, True]

    def test_what_is_changed_is_kept(self, page: Shell, kept: list[Preferences]):
        page.page.dark_theme = False
        live(page).timeline.bar.wall_clock.value = False
        live(page).timeline._choose_lane({"label": "Metrics"})
        live(page).timeline._choose_lane({"label": "ASR"})
        assert kept[-1] == Preferences("light", "light", ("ASR",))

    def test_a_system_that_changes_does_not_undo_a_choice(
        self, page: Shell, kept: list[Preferences]
    ):
        _say(page, {"dark": True})
        assert page.page.dark_theme
        assert kept == [Preferences("dark", "dark", ("Metrics",), clock=True)]

    def test_without_a_choice_the_system_is_followed(self, hub: CallHub):
        prepare()
        page = Shell(hub)
        _say(page, {"dark": True})
        assert page.page.dark_theme
        assert page.preferences.known == Preferences(system="dark")

    def test_the_tab_is_named_after_the_call(self, page: Shell):
        assert tab_title(None) == "rustpbx lab"
        assert tab_title(page.view).endswith(" · rustpbx lab")
        assert tab_title(page.view).startswith("Disconnected")


def _say(page: Shell, message: dict[str, Any]) -> None:
    page.keys._on_message(SimpleNamespace(data=message))
