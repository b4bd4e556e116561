"""What is typed into the form of each command, and what must be sent."""

from typing import Any

Fields = dict[str, Any]
FILLED: dict[str, tuple[Fields, Fields]] = {
    "tts": (
        {"text *": "Good morning", "playId": "r-1", "waitInputTimeout (ms)": "4000"},
        {"text": "Good morning", "playId": "r-1", "waitInputTimeout": 4000},
    ),
    "play": (
        {"url *": "http://127.0.0.1:9/a.wav", "offsetMs (ms)": "250"},
        {"url": "http://127.0.0.1:9/a.wav", "offsetMs": 250},
    ),
    "interrupt": ({"graceful": True}, {"graceful": True}),
    "pause": ({}, {}),
    "resume": ({}, {}),
    "mute": ({"trackId": "s.1"}, {"trackId": "s.1"}),
    "unmute": ({"trackId": "s.1"}, {"trackId": "s.1"}),
    "history": (
        {"speaker *": "bot", "text *": "<b>hi</b>"},
        {"speaker": "bot", "text": "<b>hi</b>"},
    ),
    "message": (
        {"body *": "hello", "headers": "X-One: 1\nX-Two: b: c"},
        {"body": "hello", "headers": {"X-One": "1", "X-Two": "b: c"}},
    ),
    "bridge": ({"targetSessionId *": "s.2"}, {"targetSessionId": "s.2"}),
    "unbridge": ({"targetSessionId *": "s.2"}, {"targetSessionId": "s.2"}),
    "custom": (
        {"data *": '{"a": [1, null]}', "sender": "me"},
        {"data": {"a": [1, None]}, "sender": "me"},
    ),
    "dtmf": (
        {"digit *": "#", "durationMs": 80, "playId": "notify"},
        {"digit": "#", "durationMs": 80, "playId": "notify"},
    ),
    "renegotiate": ({"offer *": "v=0"}, {"offer": "v=0"}),
    "addIceCandidate": (
        {"candidate *": "candidate:1 1 udp 1 127.0.0.1 9 typ host"},
        {"candidate": "candidate:1 1 udp 1 127.0.0.1 9 typ host"},
    ),
    "refer": (
        {"caller *": "sip:a@127.0.0.1", "callee *": "sip:b@127.0.0.1"},
        {"caller": "sip:a@127.0.0.1", "callee": "sip:b@127.0.0.1"},
    ),
    "ringing": ({"ringtone": "ring.wav"}, {"ringtone": "ring.wav"}),
    "invite": ({}, {"option": {}}),
    "accept": ({}, {"option": {}}),
    "reject": ({"reason *": "busy", "code": "486"}, {"reason": "busy", "code": 486}),
    "hangup": ({"reason": "done"}, {"reason": "done"}),
}
"""Command → what is typed into its form, and what must be sent."""
