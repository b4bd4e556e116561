"""How the caller of ``rustpbx-lab call`` is heard on each type of call."""

import builtins
import sys

import anyio
import numpy as np
import pytest

from rustpbx_lab import options
from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.errors import InvalidOptionError, MissingExtraError
from rustpbx_lab.simulator import StandIn
from rustpbx_lab.workbench.make_call import CallPlan, make_call

TONE = Clip(
    (8000 * np.sin(np.arange(16000) * 2 * np.pi * 440 / 16000)).astype(np.int16), 16000
)


def plan(url: str, call_type: str, **more: object) -> CallPlan:
    option = options.CallOption(tts={"provider": "deepgram"})
    return CallPlan(url=url, option=option, call_type=call_type, **more)


@pytest.mark.slow
def test_a_webrtc_call_has_a_peer_that_sends_the_wav_and_hears_the_server(tmp_path):
    pytest.importorskip("aiortc")
    with StandIn(asr="scripted", tts="scripted").in_thread() as server:
        made = plan(
            server.url,
            "webrtc",
            wav=TONE,
            tts="Good day",
            seconds=2.5,
            record_path=tmp_path / "call.wav",
        )
        outcome = anyio.run(make_call, made)
    assert outcome.result["error"] is None
    assert outcome.result["summary"]["phase"] == "answered"
    recorded = Clip.read(tmp_path / "call.wav", channel=0).samples
    other = Clip.read(tmp_path / "call.wav", channel=1).samples
    assert min(np.abs(recorded).max(), np.abs(other).max()) > 500


def test_a_missing_package_is_said_before_anything_is_dialled(monkeypatch):
    def no_aiortc(name, *args, **kwargs):
        if name.startswith("aiortc"):
            raise ImportError(name)
        return found(name, *args, **kwargs)

    found = builtins.__import__
    monkeypatch.delitem(
        sys.modules, "rustpbx_lab.client.media.webrtc_media", raising=False
    )
    monkeypatch.delattr("rustpbx_lab.client.media.webrtc_media", raising=False)
    monkeypatch.setattr(builtins, "__import__", no_aiortc)
    with pytest.raises(MissingExtraError, match="aiortc is not installed"):
        anyio.run(make_call, plan("ws://127.0.0.1:1", "webrtc"))


def test_a_sip_call_takes_no_audio_and_says_so():
    with pytest.raises(InvalidOptionError, match="leave --wav and --say out"):
        anyio.run(make_call, plan("ws://127.0.0.1:1", "sip", wav=TONE))
