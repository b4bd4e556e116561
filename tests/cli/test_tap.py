"""``rustpbx-lab tap``: it says what a call needs, and saves what it hears."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
from waiting import until

from rustpbx_lab.audio.clip import Clip
from rustpbx_lab.audio.sources import ClipSource
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.log import read_log
from rustpbx_lab.models.options import CallOption, MonitorOption
from rustpbx_lab.simulator import StandIn

LIMIT_S = 40


def test_calls_of_others_are_told_and_saved(tmp_path: Path):
    stand_in = StandIn(asr="scripted", tts="scripted", server_version="0.3.113")
    with stand_in.in_thread() as server, CallHub() as other:
        arguments = ["tap", "--server", server.url, "--port", "0", "--json"]
        arguments += ["--logs", str(tmp_path), "--token", "a secret"]
        process = subprocess.Popen(
            [sys.executable, "-m", "rustpbx_lab", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONWARNINGS": "error"},
        )
        assert process.stdout is not None
        first = process.stdout.readline()
        assert first, process.communicate(timeout=LIMIT_S)
        monitor = json.loads(first)["monitor"]
        assert monitor["headers"] == {"Authorization": "Bearer a secret"}
        sound = ClipSource(Clip(np.full(32_000, 99, np.int16), 16_000))
        option = CallOption(monitor=MonitorOption.model_validate(monitor))
        call = other.start(server.url, option, call_id="s.theirs", audio=sound)
        heard = json.loads(process.stdout.readline())
        assert heard == {"what": "heard", "id": "s.theirs", "has_events": True}
        until(lambda: call.recording.caller.duration_ms >= 1000)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT_S)
    assert process.returncode == 0, err
    ended = json.loads(out)
    assert (ended["what"], ended["lost_ms"]) == ("ended", 0)
    assert ended["caller_ms"] > 500
    assert "a secret" not in err
    assert "tapped" in [record.name for record in read_log(Path(ended["log"]))]
    assert (tmp_path / "s.theirs.wav").exists()
