"""What a script leaves open is closed when it ends, and keeps nobody waiting."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys
from pathlib import Path
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.simulator import StandIn
from rustpbx_lab.simulator.gateway.gateway import Gateway
from rustpbx_lab.hub.hub import CallHub

server = StandIn(asr="scripted", tts="scripted").in_thread()
gateway = Gateway(asr="scripted", tts="scripted").in_thread()
url = server.__enter__().url
gateway.__enter__()
hub = CallHub(logs=Path(sys.argv[1]))
call = hub.start(url, CallOption())
while call.state != "in call":
    pass
if sys.argv[2] == "fails":
    raise KeyError("a bug of the script")
"""


def ended(logs, how: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, str(logs), how],
        capture_output=True,
        text=True,
        timeout=55,
    )


@pytest.mark.slow
def test_a_script_that_leaves_all_open_ends_and_its_log_is_whole(tmp_path):
    ran = ended(tmp_path, "ends")
    assert (ran.returncode, ran.stderr) == (0, "")
    (log,) = tmp_path.glob("*.jsonl")
    last = log.read_text().splitlines()[-1]
    assert "closed" in last
    assert "1000" in last


@pytest.mark.slow
def test_a_script_that_fails_ends_too(tmp_path):
    ran = ended(tmp_path, "fails")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == "KeyError: 'a bug of the script'"
