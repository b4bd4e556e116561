import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import numpy as np
import pytest
from anyio.from_thread import start_blocking_portal
from waiting import join, until
from workbench.scripted_server import ANSWER, REJECT, RINGING, ScriptedServer, running

from rustpbx_lab import errors
from rustpbx_lab.analysis.moments import MarkFold
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource
from rustpbx_lab.client import CallSession
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.log import read_log
from rustpbx_lab.models import commands, events
from rustpbx_lab.models.options import CallOption, SynthesisOption
from rustpbx_lab.speech.vad_engines import SileroEngine

LIMIT_S = 10


def wait_for_state(call: HubCall, state: str) -> None:
    until(lambda: call.state == state)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with running() as scripted:
        yield scripted


@pytest.fixture
def hub() -> Iterator[CallHub]:
    with CallHub() as made:
        yield made


def test_a_call_is_started_at_once_and_answered(hub: CallHub, server: ScriptedServer):
    call = hub.start(server.url, CallOption())
    assert hub.calls == [call]
    assert hub.get(call.id) is call
    wait_for_state(call, "in call")
    assert call.id in server.paths[0]
    assert call.phase == "answered"


def test_the_revision_grows_with_each_change(hub: CallHub, server: ScriptedServer):
    before = hub.revision
    call = hub.start(server.url, CallOption())
    started = hub.revision
    assert started > before
    wait_for_state(call, "in call")
    until(lambda: hub.revision > started)
    answered = hub.revision
    hub.hang_up(call.id)
    wait_for_state(call, "ended")
    until(lambda: hub.revision > answered)


def test_a_command_is_sent_and_its_row_returned(hub: CallHub, server: ScriptedServer):
    call = hub.start(server.url, CallOption())
    wait_for_state(call, "in call")
    record = hub.send(call.id, commands.Tts(text="Hello")).result(LIMIT_S)
    assert call.log[record.seq].name == "tts"
    until(lambda: server.commands[-1]["command"] == "tts")


def test_hanging_up_works_while_it_rings(hub: CallHub):
    with running(**RINGING) as server:
        call = hub.start(server.url, CallOption())
        wait_for_state(call, "ringing")
        hub.hang_up(call.id)
        wait_for_state(call, "ended")
        until(lambda: server.close_codes == [1000])
    assert call.error is None


def test_a_rejected_call_has_failed_and_says_why(hub: CallHub):
    with running(**REJECT) as server:
        call = hub.start(server.url, CallOption())
        wait_for_state(call, "failed")
    assert call.error == "the call was rejected: 486 Busy Here (SIP 486)"


def test_no_server_is_one_clear_line(hub: CallHub):
    call = hub.start("ws://127.0.0.1:9", CallOption())
    wait_for_state(call, "failed")
    assert call.error is not None
    assert "connection refused" in call.error
    assert "\n" not in call.error
    assert call.log.is_closed
    assert [record.name for record in call.log] == ["closed"]
    assert call.log[0].message.is_failure
    marks = MarkFold().advance(call.log.records()).closed
    assert [mark.kind for mark in marks] == ["error"]


class BrokenAgent:
    async def run(self, call: CallSession) -> None:
        raise KeyError("two\nlines")


def test_a_broken_agent_fails_its_own_call_only(hub: CallHub, server: ScriptedServer):
    good = hub.start(server.url, CallOption())
    bad = hub.start(server.url, CallOption(), agent=BrokenAgent())
    wait_for_state(bad, "failed")
    wait_for_state(good, "in call")
    assert bad.error == "KeyError: 'two\\nlines'"
    assert hub.send(good.id, commands.Pause()).result(LIMIT_S).name == "pause"


class Waiting:
    async def run(self, call: CallSession) -> None:
        async with anyio.create_task_group() as tasks:
            for event in (events.Dtmf, events.Eou):
                tasks.start_soon(call.wait_for, event)


class Unequipped:
    async def run(self, call: CallSession) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self.speak)

    async def speak(self) -> None:
        raise errors.MissingExtraError("a speech synthesiser", "local")


def test_an_error_of_ours_is_said_as_it_is(hub: CallHub, server: ScriptedServer):
    call = hub.start(server.url, CallOption(), agent=Unequipped())
    wait_for_state(call, "failed")
    assert call.error == str(errors.MissingExtraError("a speech synthesiser", "local"))


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_loop_may_be_lent(backend: str, server: ScriptedServer):
    with start_blocking_portal(backend) as portal:
        with CallHub(portal=portal) as hub:
            call = hub.start(server.url, CallOption(), agent=Waiting())
            wait_for_state(call, "in call")
        assert call.state == "ended"
        assert portal.call(lambda: 1) == 1


def test_an_agent_that_waits_when_the_call_ends_did_not_fail(
    hub: CallHub, server: ScriptedServer
):
    call = hub.start(server.url, CallOption(), agent=Waiting(), caller=Waiting())
    wait_for_state(call, "in call")
    hub.send(call.id, commands.Hangup()).result(LIMIT_S)
    wait_for_state(call, "ended")
    assert call.error is None


def test_only_operators_may_send(server: ScriptedServer):
    with CallHub(operators=["ann"]) as hub:
        with pytest.raises(errors.NotAllowedError, match="start a call"):
            hub.start(server.url, CallOption(), user="bob")
        call = hub.start(server.url, CallOption(), user="ann")
        wait_for_state(call, "in call")
        for user in (None, "bob", ""):
            with pytest.raises(errors.NotAllowedError, match="only the operators"):
                hub.send(call.id, commands.Pause(), user=user)
            with pytest.raises(errors.NotAllowedError):
                hub.hang_up(call.id, user=user)
        hub.send(call.id, commands.Pause(), user="ann").result(LIMIT_S)
        assert call.state == "in call"


def test_an_unknown_call_is_an_error_of_its_own(hub: CallHub):
    for act in (hub.get, hub.hang_up, lambda i: hub.send(i, commands.Pause())):
        with pytest.raises(errors.UnknownCallError):
            act("nobody")
    hub.detach("nobody", "page")


def test_an_id_that_runs_is_not_started_again(hub: CallHub, server: ScriptedServer):
    call = hub.start(server.url, CallOption(), call_id="twice")
    with pytest.raises(errors.InvalidOptionError, match="runs"):
        hub.start(server.url, CallOption(), call_id="twice")
    hub.hang_up("twice")
    until(lambda: call.is_over)
    until(lambda: not hub._runs)
    again = hub.start(server.url, CallOption(), call_id="twice")
    assert hub.calls == [again]


def test_a_call_that_nobody_watches_is_hung_up(server: ScriptedServer):
    with CallHub(unwatched_limit_s=0.2) as hub:
        call = hub.start(server.url, CallOption())
        hub.attach(call.id, "page")
        other = hub.start(server.url, CallOption())
        wait_for_state(other, "ended")
        assert any(record.name == "advice" for record in other.log)
        assert call.state == "in call"
        assert call.watchers == 1
        hub.detach(call.id, "page")
        assert call.state == "in call", "the last page leaving ends nothing"
        wait_for_state(call, "ended")


def test_ended_calls_are_forgotten_beyond_the_bound(server: ScriptedServer):
    with CallHub(keep_ended=2) as hub:
        made: list[HubCall] = []
        for _ in range(4):
            made.append(hub.start(server.url, CallOption()))
            hub.hang_up(made[-1].id)
            until(lambda: made[-1].id not in hub._runs)
        assert hub.calls == made[:1:-1]


def test_a_call_is_saved_as_it_comes(tmp_path: Path, server: ScriptedServer):
    tone = (np.sin(np.arange(8000) / 8) * 8000).astype(np.int16)
    logs = tmp_path / "new" / "logs"
    with CallHub(logs=logs) as hub:
        source = ClipSource(Clip(tone, 16000))
        call = hub.start(server.url, CallOption(), call_id="a/../b", audio=source)
        until(lambda: call.recording.caller.n_samples == 8000)
        written = logs / "a%2F..%2Fb.events.jsonl"
        until(lambda: b"answer" in written.read_bytes())
        hub.hang_up(call.id)
        wait_for_state(call, "ended")
    assert read_log(written) == call.log
    exact = Clip.read(logs / "a%2F..%2Fb.caller.wav")
    assert np.array_equal(exact.samples, tone)
    assert Clip.read_channels(logs / "a%2F..%2Fb.wav").channels == 2


def test_probabilities_come_while_the_caller_talks(
    hub: CallHub, server: ScriptedServer
):
    noise = np.random.default_rng(1).integers(-3000, 3000, 16000).astype(np.int16)
    call = hub.start(server.url, CallOption(), audio=ClipSource(Clip(noise, 16000)))
    until(lambda: len(call.probabilities) > 0)
    assert call.state == "in call"
    early = call.probabilities
    until(lambda: len(call.probabilities) == 16000 // 512)
    assert np.array_equal(call.probabilities, SileroEngine().probabilities(noise))
    assert np.array_equal(early, call.probabilities[: len(early)])
    with pytest.raises(ValueError, match="read-only"):
        call.probabilities[0] = 1
    started = next(record for record in call.log if record.name == "audioStarted")
    first = call.time_of_frame(0)
    assert started.time_ms is not None
    assert first is not None
    assert abs(first - started.time_ms) <= 5, "the note and the leg read one clock"
    assert call.frame_times()[10] == call.time_of_frame(10)


def test_probabilities_of_eight_kilohertz_are_on_the_same_grid(
    hub: CallHub, server: ScriptedServer
):
    tone = np.zeros(8000, np.int16)
    option = CallOption(codec="pcmu")
    call = hub.start(server.url, option, audio=ClipSource(Clip(tone, 8000)))
    until(lambda: call.recording.caller.n_samples == 8000)
    until(lambda: len(call.probabilities) >= 30)
    first, second = call.time_of_frame(0), call.time_of_frame(1)
    assert first is not None
    assert second is not None
    assert second - first == 32


def test_closing_ends_all_calls_in_order_and_the_thread(server: ScriptedServer):
    before = threading.active_count()
    hub = CallHub()
    calls = [hub.start(server.url, CallOption()) for _ in range(3)]
    for call in calls:
        wait_for_state(call, "in call")
    hub.close()
    hub.close()
    assert [call.state for call in calls] == ["ended"] * 3
    until(lambda: server.close_codes == [1000] * 3)
    until(lambda: threading.active_count() <= before)
    with pytest.raises(errors.RustpbxLabError, match="closed"):
        hub.start(server.url)


def test_no_secret_is_shown(hub: CallHub):
    option = CallOption(tts=SynthesisOption(secret_key="hunter2"))
    url = "ws://127.0.0.1:9/?token=hunter2"
    call = hub.start(url, option, headers={"Authorization": "hunter2"})
    wait_for_state(call, "failed")
    shown = f"{call!r} {hub!r} {call.option!r} {call.url} {call.error} {vars(call)}"
    assert "hunter2" not in shown
    assert all("hunter2" not in record.raw for record in call.log)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(errors.LogFileError, match="cannot keep logs"):
        CallHub(logs=tmp_path / "file" / "logs")


def test_a_call_whose_files_cannot_be_written_goes_on(
    tmp_path: Path, server: ScriptedServer
):
    logs = tmp_path / "logs"
    with CallHub(logs=logs) as hub:
        logs.rmdir()  # a volume that was unmounted
        call = hub.start(server.url, CallOption(), audio=ClipSource(silence()))
        wait_for_state(call, "in call")
        until(lambda: [r for r in call.log if '"rule":"autosave"' in r.raw])
        assert call.state == "in call"
        until(lambda: call.recording.caller.n_samples)
        hub.hang_up(call.id).result(20)
        until(lambda: call.is_over)
    assert call.error is None
    advice = [record for record in call.log if '"rule":"autosave"' in record.raw]
    assert len(advice) == 1, "reported once, however often it is tried"
    assert not logs.exists()


def silence() -> Clip:
    return Clip(np.zeros(1600, np.int16), 16000)


@pytest.mark.slow
def test_a_script_that_forgets_to_close_still_ends(server: ScriptedServer):
    script = (
        "import time\n"
        "from rustpbx_lab.hub.hub import CallHub\n"
        "from rustpbx_lab.models.options import CallOption\n"
        f"call = CallHub().start({server.url!r}, CallOption())\n"
        "while call.state != 'in call': time.sleep(0.01)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], timeout=60, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    until(lambda: server.close_codes == [1000])


def test_a_call_that_is_accepted_by_its_agent_needs_no_invite(hub: CallHub):
    class Accepting:
        async def run(self, call: CallSession) -> None:
            await call.accept()

    with running(**ANSWER) as server:
        call = hub.start(
            server.url, call_type="sip", call_id="dialog", agent=Accepting()
        )
        until(lambda: [c["command"] for c in server.commands] == ["accept"])
        assert call.state == "inviting"


def test_a_call_is_added_while_the_loop_waits_to_look(server: ScriptedServer):
    looks, may_look = threading.Event(), threading.Event()
    with start_blocking_portal() as portal, CallHub(portal=portal) as hub:

        async def look() -> int:
            looks.set()
            assert may_look.wait(LIMIT_S)
            return len(hub.calls)

        looking = portal.start_task_soon(look)
        assert looks.wait(LIMIT_S)
        before = hub.revision
        adding = threading.Thread(target=hub.watch, args=(server.url, "s.1"))
        adding.start()
        until(lambda: hub.revision > before)  # the loop is needed next
        may_look.set()
        assert looking.result(LIMIT_S) == 1
        join(adding)
