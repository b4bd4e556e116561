"""Sliders, ghosts and the words that tell what would change."""

import itertools
import re
from types import SimpleNamespace

import numpy as np
import pytest
from dashboard.conftest import T0, command, conversation, ended_call
from speech.samples import silence, utterance
from work import lines_run

from rustpbx_lab.analysis.what_if import Effect
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.dashboard.sidebar.option_panel import OptionPanel
from rustpbx_lab.dashboard.state.call_view import CallView
from rustpbx_lab.dashboard.timeline.timeline import TimelineBox
from rustpbx_lab.dashboard.timeline.what_if import WhatIf, told
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models import commands
from rustpbx_lab.models.options import CallOption, VADOption
from rustpbx_lab.plots.lanes.caller import PROBABILITY_PX, PROBABILITY_Y
from rustpbx_lab.plots.theme import LIGHT
from rustpbx_lab.speech.replay import replay_vad
from rustpbx_lab.speech.vad import VadParams

NUMBERS = itertools.count(1)


def sound() -> np.ndarray:
    """Return two utterances, the first with a pause of 300 ms in its middle."""
    first, second = utterance("sense_0880.flac"), utterance("sense_0930.flac")
    half = len(first) // 2
    parts = (silence(800), first[:half], silence(300), first[half:], silence(1200))
    return np.concatenate([*parts, second, silence(1000)])


def call_with_sound(option: CallOption | None = None) -> HubCall:
    records = conversation()
    if option is not None:
        records[1] = command(10, commands.Invite(option=option))
    call = ended_call(records, f"s.sound-{next(NUMBERS)}")
    call.recording.caller.append(sound().tobytes(), T0 + 100)
    call.listen()
    return call


def shown(call: HubCall) -> tuple[WhatIf, CallView]:
    view = CallView(call)
    view.refresh()
    what_if = WhatIf(lambda: None)
    what_if.show_call(view)
    what_if.turn(True)
    return what_if, view


def test_the_sliders_begin_at_what_the_call_asked_for():
    option = CallOption(vad=VADOption(speech_padding=120, silence_padding=340))
    what_if, _ = shown(call_with_sound(option))
    assert what_if.params == VadParams(120, 340, 0.5, None)
    assert "as the call has it" in what_if.words


@pytest.mark.parametrize("silence_padding", [100, 500])
def test_the_ghosts_are_what_vad_replay_says_of_the_recorded_leg(silence_padding: int):
    call = call_with_sound()
    what_if, _ = shown(call)
    what_if.silence_padding.value = silence_padding
    leg = call.recording.caller
    replayed = replay_vad(
        Clip(leg.samples(), leg.sample_rate_hz),
        VADOption(silence_padding=silence_padding),
    )
    assert what_if.decision.events == replayed.events
    ended = [event for event in replayed.events if event.kind == "end_of_speech"]
    ghosts = what_if.ghosts(-np.inf, np.inf)
    lengths = [ghost.end_ms - ghost.start_ms for ghost in ghosts if ghost.end_ms]
    assert lengths == [event.duration for event in ended]
    assert len(lengths) > 0


def test_a_slider_acts_while_it_moves_and_says_what_it_did():
    box = TimelineBox(LIGHT, lambda _: None)
    view = CallView(call_with_sound())
    view.refresh()
    box.show_call(view)
    assert "what-if" not in {span.look for span in box.lane("Caller").spans.rows}
    box.bar.what_if.value = True
    before = [span for span in box.lane("Caller").spans.rows if span.look == "what-if"]
    box.what_if.silence_padding.value = 600
    after = [span for span in box.lane("Caller").spans.rows if span.look == "what-if"]
    assert len(before) > len(after) > 0
    assert re.search("splits <b>[1-9] \u2192 0</b>", box.bar.legend.object)
    box.what_if.threshold.value = 0.75
    assert (
        box.lane("Caller").threshold.location == PROBABILITY_Y + PROBABILITY_PX * 0.75
    )
    assert "&gt; 0.75" in box.headers.panes[0].object
    box.bar.what_if.value = False
    assert box.lane("Caller").threshold.location == PROBABILITY_Y + PROBABILITY_PX * 0.5
    assert "what-if" not in {span.look for span in box.lane("Caller").spans.rows}
    assert "splits" not in box.bar.legend.object


def test_without_audio_or_vad_it_says_so():
    silent, _ = shown(ended_call(conversation()))
    assert silent.words == "no audio of the caller to try it on"
    deaf, _ = shown(call_with_sound(CallOption()))
    assert deaf.words.endswith("the call has no VAD to compare with")
    assert deaf.ghosts(-np.inf, np.inf)


def test_an_effect_in_words_leaves_out_what_does_not_change():
    found = Effect(4, 0, 2, 0, 384, 0, 0, 0)
    assert told(found) == (
        "cut-offs <b>2 \u2192 0</b>, splits <b>4 \u2192 0</b>, "
        "end of speech <b>+384 ms</b>"
    )
    assert told(Effect(1, 1, 0, 0, -96, None, 2, 0)) == (
        "splits 1, end of speech <b>\u221296 ms</b>, <b>2</b> missed"
    )


@pytest.mark.slow
def test_ghosts_of_an_hour_follow_a_slider():
    random = np.random.default_rng(1)
    runs = [np.full(random.integers(5, 60), 0.9 * (i % 2)) for i in range(3500)]
    hour = np.concatenate(runs)[:112_500].astype(np.float32)
    call = SimpleNamespace(
        probabilities=hour,
        frame_times=lambda: np.arange(len(hour)) * 32,
        frame_ms=32,
    )
    view = SimpleNamespace(
        call=call,
        vad_params=VadParams(),
        tables={"turns": SimpleNamespace(rows=list)},
    )
    what_if = WhatIf(lambda: None)
    what_if.show_call(view)
    what_if.turn(True)

    def move() -> None:
        what_if.silence_padding.value = 300
        assert what_if.ghosts(1_000_000, 1_020_000)

    assert lines_run(move) < 4 * len(hour)  # a tenth of a second


def test_thresholds_that_were_moved_stay_for_the_next_call():
    what_if, _ = shown(call_with_sound())
    option = CallOption(vad=VADOption(silence_padding=340))
    following = CallView(call_with_sound(option))
    following.refresh()
    what_if.show_call(following)
    assert what_if.params.silence_padding_ms == 340
    what_if.silence_padding.value = 700
    what_if.show_call(shown(call_with_sound())[1])
    assert what_if.params.silence_padding_ms == 700
    what_if.turn(False)
    what_if.turn(True)
    assert what_if.params.silence_padding_ms == 100


def test_reset_goes_back_to_what_the_call_has():
    what_if, view = shown(call_with_sound())
    what_if.silence_padding.value = 700
    what_if.threshold.value = 0.8
    what_if.reset()
    what_if._slid()  # with a session what was set is told later
    assert what_if.params == view.vad_params
    option = CallOption(vad=VADOption(silence_padding=340))
    following = CallView(call_with_sound(option))
    following.refresh()
    what_if.show_call(following)  # and follows the next call again
    assert what_if.params.silence_padding_ms == 340


def test_the_next_call_can_have_what_was_tried():
    panel = OptionPanel(lambda: None)
    panel.load(CallOption(vad=VADOption(type="silero", ratio=0.5), codec="pcmu"))
    what_if, _ = shown(call_with_sound())
    answers: list[tuple[str, str]] = []
    what_if.on_use = lambda params: answers.append(panel.use_vad(params))
    what_if.silence_padding.value = 440
    what_if.on_use(what_if.params)
    option = panel.build()
    assert option.vad.silence_padding == 440
    assert option.vad.ratio == 0.5
    assert option.vad.silence_timeout is None
    assert option.codec == "pcmu"
    assert answers == [("the next call has VAD silero 250 / 440 / 0.50", "info")]
