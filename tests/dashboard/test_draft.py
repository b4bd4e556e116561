"""What was typed in a page survives its reload."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rustpbx_lab.dashboard.browser.components import Keys
from rustpbx_lab.dashboard.lists.events import EventsBox
from rustpbx_lab.dashboard.pages.draft import DraftKeeper
from rustpbx_lab.dashboard.sidebar.connection import ConnectionPanel
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.models.options import SynthesisOption
from rustpbx_lab.speech.vad import VadParams


class Tab:
    """A page's parts that are typed in, and what its tab has kept."""

    def __init__(self, hub: CallHub, endpoint: str = "ws://lab:1") -> None:
        self.connection = ConnectionPanel(
            hub, endpoint, lambda _: None, lambda _: None, lambda: None
        )
        self.events = EventsBox(lambda _: None)
        keys = Keys(lambda *_: None, lambda: None)
        self.kept: list[str] = []
        keys.keep_draft = self.kept.append
        self.draft = DraftKeeper(self.connection, keys)
        self.draft.add("kinds", self.events.kinds)
        self.draft.add("filter", self.events.text, "value_input")


def test_a_page_that_nobody_touched_keeps_nothing(hub: CallHub):
    tab = Tab(hub)
    assert json.loads(tab.draft.text()) == {}
    tab.connection.lint()
    assert tab.kept == []


def test_what_was_typed_is_filled_in_again(hub: CallHub):
    before, after = Tab(hub), Tab(hub, "ws://another:2")
    connection = before.connection
    connection.call_type.value = "sip"
    connection.callee.value = "sip:bob@lab"
    connection.agent.value = "front desk"
    connection.options.use_vad(VadParams(silence_padding_ms=640))
    before.events.text.value_input = "asr -delta"
    before.events.kinds.value = ["ASR", "Errors"]
    after.draft.take(before.kept[-1])
    found = after.connection
    assert found.option().vad.silence_padding == 640
    assert (found.call_type.value, found.callee.value) == ("sip", "sip:bob@lab")
    assert found.agent.value == "front desk"
    assert found.callee.visible
    assert after.events.text.value_input == "asr -delta"
    assert after.events.kinds.value == ["ASR", "Errors"]
    assert found.endpoint.value == "ws://another:2", "nobody had typed another"


def test_no_secret_is_kept(hub: CallHub):
    tab = Tab(hub)
    tab.connection.endpoint.value = "ws://lab:1?token=geheim"
    tts = SynthesisOption(provider="aliyun", secret_key="geheim")
    option = tab.connection.option().model_copy(update={"tts": tts})
    tab.connection.options.load(option)
    assert "geheim" not in tab.draft.text()
    assert "aliyun" in tab.draft.text()


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "[" * 100_000),
        '{"option": {"vad": {"tpye": 1}}}',
        '{"option": 5, "kinds": 7, "type": "fax", "agent": ["x"], "endpoint": 3}',
        json.dumps({"endpoint": "w" * 10_000}),
    ],
    ids=range(8),
)
def test_what_is_no_draft_changes_nothing(hub: CallHub, text: str):
    tab = Tab(hub)
    tab.draft.take(text)
    assert json.loads(tab.draft.text()) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
NAMES = st.sampled_from(
    ["endpoint", "type", "audio", "agent", "kinds", "filter", "option"]
)


@pytest.fixture(scope="module")
def old_tab() -> Iterator[Tab]:
    with CallHub() as hub:
        yield Tab(hub)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(told=st.dictionaries(NAMES, JSON))
def test_any_object_is_taken_without_a_failure(old_tab: Tab, told: dict[str, object]):
    old_tab.draft.take(json.dumps(told))
