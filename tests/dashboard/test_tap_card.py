"""The audio taps in the sidebar: shown without a secret, copied for operators only."""

import json
from typing import Any

import pytest

from rustpbx_lab.dashboard.sidebar.tap_card import WAITING, TapCard
from rustpbx_lab.hub.hub import CallHub


def said_by(card: TapCard, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    monkeypatch.setattr(card, "_send_msg", said.append)
    return said


def test_the_option_is_copied_and_not_shown(monkeypatch: pytest.MonkeyPatch):
    with CallHub() as hub:
        card = TapCard(hub, None)
        assert not card.refresh()
        tap = hub.tap(token="5ecret")
        assert card.refresh()
        (row,) = card.taps
        assert (row["url"], row["heard"], row["refused"]) == (tap.url, WAITING, "")
        assert "5ecret" not in json.dumps(card.taps)
        said = said_by(card, monkeypatch)
        for place in (0, 1, -1, "0", None):
            card._on_message({"copy": place})
        (copied,) = said
    monitor = json.loads(copied["clip"])["monitor"]
    assert monitor == {
        "url": tap.url,
        "headers": {"Authorization": "Bearer 5ecret"},
    }


def test_who_may_not_send_gets_no_token(monkeypatch: pytest.MonkeyPatch):
    with CallHub(operators={"ann"}) as hub:
        hub.tap(token="5ecret")
        card = TapCard(hub, "bob")
        said = said_by(card, monkeypatch)
        card._on_message({"copy": 0})
    assert said == [{"tell": "only operators may copy it: it may have a token"}]
