"""The server's release: named to a hub or a call, kept in the log, used in replays."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from waiting import until

from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.hub.hub import CallHub
from rustpbx_lab.models import notes
from rustpbx_lab.models.options import CallOption
from rustpbx_lab.models.server_versions import NEWEST, OLDEST
from rustpbx_lab.simulator import StandIn


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn(asr="scripted", tts="scripted").in_thread() as running:
        yield running


def test_a_call_has_the_release_of_its_hub_unless_it_names_one(server: StandIn):
    with CallHub(server_version="0.3.83") as hub:
        assert hub.server_version == OLDEST
        usual = hub.start(server.url, CallOption())
        newer = hub.start(server.url, CallOption(), server_version="0.3.113")
        until(lambda: usual.state == newer.state == "in call")
        watched = hub.watch(server.url, newer.id)
        assert watched is newer  # it is this hub's own
    assert (usual.server_version, newer.server_version) == (OLDEST, NEWEST)
    assert (usual.engine_name, newer.engine_name) == ("silero-f32", "silero-i16")
    connected = usual.log[0].message
    assert isinstance(connected, notes.Connected)
    assert connected.server_version == "0.3.83"


def test_a_watched_call_keeps_it_too(server: StandIn):
    with CallHub() as own, CallHub(server_version="0.3.83") as other:
        call = own.start(server.url, CallOption())
        until(lambda: call.state == "in call")
        watched = other.watch(server.url, call.id)
        until(lambda: watched.state == "in call")
        assert watched.server_version == OLDEST
        connected = watched.log[0].message
        assert isinstance(connected, notes.Connected)
        assert connected.server_version == "0.3.83"


def test_a_replay_is_of_the_release_in_its_log(server: StandIn, tmp_path: Path):
    with CallHub(logs=tmp_path, server_version="0.3.83") as hub:
        call = hub.start(server.url, CallOption(), call_id="s.old")
        until(lambda: call.state == "in call")
    with CallHub() as hub:
        replayed = hub.replay(tmp_path / "s.old.events.jsonl")
        assert replayed.server_version == OLDEST
        assert replayed.engine_name == "silero-f32"


def test_a_version_that_is_none_is_refused(server: StandIn, tmp_path: Path):
    with pytest.raises(InvalidOptionError, match="three numbers"):
        CallHub(server_version="latest")
    with CallHub() as hub:
        with pytest.raises(InvalidOptionError, match="three numbers"):
            hub.start(server.url, CallOption(), server_version="0.3")
        assert hub.calls == []
    # a log that someone has edited is read all the same
    log = tmp_path / "s.1.events.jsonl"
    with CallHub(logs=tmp_path, server_version="0.3.113") as hub:
        call = hub.start(server.url, CallOption(), call_id="s.1")
        until(lambda: call.state == "in call")
    log.write_text(log.read_text().replace("0.3.113", "newest"))
    with CallHub() as hub:
        assert hub.replay(log).server_version is None
