from pathlib import Path

import pytest
from waiting import until

from rustpbx_lab.analysis.timelines import timeline
from rustpbx_lab.errors import ServerStartError
from rustpbx_lab.log import read_log
from rustpbx_lab.participants.demo_scripts import SCRIPTS
from rustpbx_lab.participants.scripted_caller import HangUp, Pause, Say, Step
from rustpbx_lab.workbench.demo import Demo

QUICK: list[list[Step]] = [
    [Say("a"), Pause(200), HangUp("one")],
    [Say("b"), Pause(200), HangUp("two")],
]


def test_one_conversation_follows_the_other(tmp_path: Path):
    engines = {"asr": "scripted", "tts": "scripted"}
    with Demo(pause_s=0.1, scripts=QUICK, logs=tmp_path, **engines) as demo:
        until(lambda: sum(call.is_over for call in demo.hub.calls) >= 3)
    calls = demo.hub.calls[::-1]  # the next one may have begun meanwhile
    reasons = [
        record.message.reason
        for call in calls[:3]
        for record in call.log
        if record.direction == "command" and record.name == "hangup"
    ]
    assert reasons == ["one", "two", "one"]
    assert [call.error for call in calls] == [None] * len(calls)
    assert all(call.is_over for call in calls)
    saved = {path.name for path in tmp_path.glob("*.events.jsonl")}
    assert saved == {f"{call.id}.events.jsonl" for call in calls}
    assert read_log(tmp_path / f"{calls[0].id}.events.jsonl") == calls[0].log


def test_a_port_that_is_taken_is_said():
    engines = {"asr": "scripted", "tts": "scripted", "scripts": QUICK}
    with Demo(**engines) as demo:
        port = int(demo.url.rpartition(":")[2])
        with (
            pytest.raises(ServerStartError, match="cannot listen"),
            Demo(port, **engines),
        ):
            pass


@pytest.mark.speech
@pytest.mark.slow
def test_the_bot_understands_a_caller_who_hesitates():
    with Demo(scripts=SCRIPTS[:1], pause_s=60) as demo:
        until(lambda: demo.hub.calls != [] and demo.hub.calls[0].is_over, 60)
        call = demo.hub.calls[0]
    lines = timeline("transcript", call.log)
    agent = " ".join(lines["text"][lines["who"] == "agent"])
    assert "noted Tuesday" in agent
    assert agent.endswith("Goodbye.")
    speech = timeline("speech", call.log)
    assert (speech["quality"] == "measured").all()
    assert len(speech) >= 4, "the pause divides the first sentence"
    times, probabilities = call.frame_times(), call.probabilities
    assert len(times) == len(probabilities)
    for row in speech.itertuples():
        spoken = probabilities[(times >= row.start_ms) & (times < row.end_ms)]
        assert spoken.mean() > 0.5, "our model hears the server's speech, and when"
        before = (times >= row.start_ms - 400) & (times < row.start_ms - 100)
        assert probabilities[before].mean() < 0.5
