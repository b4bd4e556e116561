"""The SIP lane and the ladder, in a browser."""

import pytest
from sip_files import (
    ALICE,
    BOB,
    HOSTILE,
    RECORDINGS,
    SERVER,
    line,
    request,
    response,
    write_call,
)
from waiting import until

from rustpbx_lab.plots.lanes.sip import ROWS

from .site import show_in
from .test_timeline_page import point_of, selected_of

SIP_LANE = 7
"""Its place below the whole call."""

pytestmark = pytest.mark.browser


def test_a_tap_opens_the_ladder_and_keys_walk_it(kept, site):
    call, tab = site.hub.replay(RECORDINGS / "sipflow_outbound.events.jsonl"), kept.page
    call.show_whole()
    show_in(tab, call)
    until(lambda: call.is_over)
    bye = [r for r in call.log if r.name == "sipMessage"][-2]
    steps = tab.locator(".step")
    assert steps.count() == 0
    tab.locator(".lane-head", has_text="SIP").wait_for()
    tab.mouse.click(*point_of(tab, SIP_LANE, bye.time_ms, ROWS["sent"][0]))
    tab.locator(".step.sel", has_text="BYE").wait_for()
    assert steps.count() == 10
    assert tab.locator("pre").text_content().startswith("BYE sip:")
    assert tab.locator(".party").all_text_contents()[0] == "server"
    # the keyboard: the list has the focus, arrows select
    ladder = tab.get_by_role("listbox", name="SIP ladder")
    ladder.focus()
    tab.keyboard.press("ArrowDown")
    tab.locator(".step.sel", has_text="200 OK").wait_for()
    for _ in range(3):
        tab.keyboard.press("ArrowUp")
    tab.locator(".step.sel", has_text="200 OK+3").wait_for()
    assert ladder.evaluate("node => node.matches(':focus')")
    steps.nth(4).click()
    tab.locator("pre", has_text="Proxy-Authorization: Digest ***").wait_for()
    assert [w for w in selected_of(tab) if "sipMessage" in w]


def test_the_ladder_goes_with_another_kind_of_row(kept, site):
    call, tab = site.hub.replay(RECORDINGS / "sipflow_inbound.events.jsonl"), kept.page
    call.show_whole()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="sipMessage").first.click()
    tab.locator(".step.sel").wait_for()
    tab.locator(".row.ev", has_text="trackStart").first.click()
    tab.locator("pre", has_text='"trackStart"').wait_for()
    assert not tab.locator(".step").first.is_visible()


def test_hostile_text_is_shown_as_text(kept, site, tmp_path):
    lines = [
        line(0, request()),
        line(90, request(branch="b2", call_id=HOSTILE), SERVER, BOB, HOSTILE),
        line(200, response(200, HOSTILE), HOSTILE, SERVER),
        line(900, response(486, HOSTILE), SERVER, ALICE),
    ]
    call, tab = site.hub.replay(write_call(tmp_path, lines, "hostile")), kept.page
    call.show_whole()
    show_in(tab, call)
    tab.locator(".row.ev", has_text="sipMessage").first.click()
    tab.locator(".step.sel", has_text=HOSTILE).wait_for()
    assert tab.locator(".party").all_text_contents() == ["server", ALICE, BOB, HOSTILE]
    assert tab.locator("img").count() == 0


def test_the_files_of_a_session_are_opened_together(kept, site):
    tab = kept.page
    chooser = tab.locator("input[type=file][multiple]").first
    chooser.wait_for(state="attached")
    before = {call.id for call in site.hub.calls}
    names = ("sipflow_refused.sipflow.jsonl", "sipflow_refused.events.jsonl")
    chooser.set_input_files([RECORDINGS / name for name in names])
    (call,) = until(lambda: [c for c in site.hub.calls if c.id not in before])
    until(lambda: sum(record.name == "sipMessage" for record in call.log) == 4)


def test_a_call_without_messages_has_no_lane(kept, site):
    call, tab = site.hub.replay(RECORDINGS / "sip_keys.events.jsonl"), kept.page
    call.show_whole()
    show_in(tab, call)
    assert tab.locator(".lane-head", has_text="Commands, errors").is_visible()
    head = tab.locator(".lane-head", has_text="SIP")
    until(lambda: not any(one.is_visible() for one in head.all()))
