"""The commands of the protocol as methods of a call."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from rustpbx_lab.log import Record
from rustpbx_lab.models import commands, options
from rustpbx_lab.models.base import BaseCommand


def _given(**values: Any) -> dict[str, Any]:
    """Return the arguments that were given: None means leave it out."""
    return {name: value for name, value in values.items() if value is not None}


class CallCommands(ABC):
    """Every command as a method. None as an argument means: leave the key out.

    The server acknowledges no command. Each method returns the command's row in the
    log; ``wait_for(..., after=record)`` waits for what the command brings about.
    """

    @abstractmethod
    async def send(self, command: BaseCommand) -> Record:
        """Send a command and return its row in the log."""

    async def accept(self, option: options.CallOption | None = None) -> Record:
        """Answer the inbound SIP call whose dialog id this session has."""
        return await self.send(
            commands.Accept(option=option if option else options.CallOption())
        )

    async def ringing(
        self,
        ringtone: str | None = None,
        recorder: options.RecorderOption | None = None,
        early_media: bool | None = None,
    ) -> Record:
        """Tell the inbound caller that it rings: 183 with media, else 180."""
        given = _given(ringtone=ringtone, recorder=recorder, early_media=early_media)
        return await self.send(commands.Ringing(**given))

    async def reject(self, reason: str, code: int | None = None) -> Record:
        """Refuse the inbound call; the server's code is 603 if none is given."""
        return await self.send(commands.Reject(reason=reason, **_given(code=code)))

    async def tts(
        self,
        text: str,
        speaker: str | None = None,
        play_id: str | None = None,
        end_of_stream: bool | None = None,
        auto_hangup: bool | None = None,
        option: options.SynthesisOption | None = None,
        wait_input_timeout: int | None = None,
        base64: bool | None = None,
        cache_key: str | None = None,
    ) -> Record:
        """Say a text to the caller.

        Args:
            text: What to say; base64 of s16le PCM if ``base64``.
            speaker: Only logged by server 0.3.x; the voice is ``option.speaker``.
            play_id: Names the playback in the events. The same id again, or none twice
                in a row, while the first still plays, is never spoken.
            end_of_stream: Forced to true by the server when not streaming.
            auto_hangup: Hang up when this playback ends.
            option: Overrides of the call's tts option. Its speed, volume, samplerate
                and codec reset to their defaults unless they are None explicitly.
            wait_input_timeout: Milliseconds of no input after the end until one
                ``silence`` of the server-side track.
            base64: Whether ``text`` is audio.
            cache_key: Key of the server's audio cache; use one without dots.
        """
        given = _given(
            speaker=speaker,
            play_id=play_id,
            end_of_stream=end_of_stream,
            auto_hangup=auto_hangup,
            option=option,
            wait_input_timeout=wait_input_timeout,
            base64=base64,
            cache_key=cache_key,
        )
        return await self.send(commands.Tts(text=text, **given))

    async def stream_tts(
        self,
        text: str,
        speaker: str | None = None,
        play_id: str | None = None,
        end_of_stream: bool | None = None,
        auto_hangup: bool | None = None,
        option: options.SynthesisOption | None = None,
        wait_input_timeout: int | None = None,
        base64: bool | None = None,
        cache_key: str | None = None,
    ) -> Record:
        """Say a piece of a text that comes in pieces of one ``play_id``.

        The last piece has ``end_of_stream=True``. Arguments as for ``tts``.
        """
        given = _given(
            speaker=speaker,
            play_id=play_id,
            end_of_stream=end_of_stream,
            auto_hangup=auto_hangup,
            option=option,
            wait_input_timeout=wait_input_timeout,
            base64=base64,
            cache_key=cache_key,
        )
        return await self.send(commands.Tts(text=text, streaming=True, **given))

    async def play(
        self,
        url: str,
        play_id: str | None = None,
        auto_hangup: bool | None = None,
        wait_input_timeout: int | None = None,
        offset_ms: int | None = None,
    ) -> Record:
        """Play a file: an http(s) URL or a path on the server."""
        given = _given(
            play_id=play_id,
            auto_hangup=auto_hangup,
            wait_input_timeout=wait_input_timeout,
            offset_ms=offset_ms,
        )
        return await self.send(commands.Play(url=url, **given))

    async def interrupt(
        self, graceful: bool | None = None, fade_out_ms: int | None = None
    ) -> Record:
        """Stop what the server plays; ``fade_out_ms`` has no effect on 0.3.x."""
        given = _given(graceful=graceful, fade_out_ms=fade_out_ms)
        return await self.send(commands.Interrupt(**given))

    async def pause(self) -> Record:
        """Freeze what the server plays; there is no event for it."""
        return await self.send(commands.Pause())

    async def resume(self) -> Record:
        """Go on with what was paused; there is no event for it."""
        return await self.send(commands.Resume())

    async def hangup(
        self,
        reason: str | None = None,
        initiator: str | None = None,
        headers: Mapping[str, str] | None = None,
        refer: bool | None = None,
    ) -> Record:
        """End the call, or with ``refer=True`` only its refer leg."""
        given = _given(reason=reason, initiator=initiator, headers=headers, refer=refer)
        return await self.send(commands.Hangup(**given))

    async def refer(
        self, caller: str, callee: str, options: options.ReferOption | None = None
    ) -> Record:
        """Call a third party and join it to the call; blocks later commands."""
        given = _given(options=options)
        return await self.send(commands.Refer(caller=caller, callee=callee, **given))

    async def mute(self, track_id: str | None = None) -> Record:
        """Replace the audio of a track (all of now, if None) with silence."""
        return await self.send(commands.Mute(**_given(track_id=track_id)))

    async def unmute(self, track_id: str | None = None) -> Record:
        """Undo ``mute``."""
        return await self.send(commands.Unmute(**_given(track_id=track_id)))

    async def history(self, speaker: str, text: str) -> Record:
        """Put a line into the conversation history (an ``addHistory`` event)."""
        return await self.send(commands.History(speaker=speaker, text=text))

    async def message(
        self,
        body: str,
        content_type: str | None = None,
        headers: Mapping[str, str] | None = None,
        refer: bool | None = None,
    ) -> Record:
        """Send a SIP MESSAGE inside the dialog."""
        given = _given(content_type=content_type, headers=headers, refer=refer)
        return await self.send(commands.Message(body=body, **given))

    async def bridge(self, target_session_id: str) -> Record:
        """Join the remote parties of two sessions."""
        return await self.send(commands.Bridge(target_session_id=target_session_id))

    async def unbridge(self, target_session_id: str) -> Record:
        """Undo ``bridge``."""
        return await self.send(commands.Unbridge(target_session_id=target_session_id))

    async def custom(self, data: Any, sender: str | None = None) -> Record:
        """Put any JSON into the event stream; comes back as a ``custom`` event."""
        return await self.send(commands.Custom(data=data, **_given(sender=sender)))

    async def add_ice_candidate(
        self,
        candidate: str,
        sdp_mid: str | None = None,
        sdp_mline_index: int | None = None,
    ) -> Record:
        """Add an ICE candidate of ours to a WebRTC call."""
        given = _given(sdp_mid=sdp_mid, sdp_mline_index=sdp_mline_index)
        return await self.send(commands.AddIceCandidate(candidate=candidate, **given))

    async def dtmf(
        self, digit: str, duration_ms: int | None = None, play_id: str | None = None
    ) -> Record:
        """Send one of ``0``-``9``, ``*``, ``#``, ``A``-``D`` to the other side.

        SIP and WebRTC calls of servers since 0.3.100. Its track is ``dtmf-track``: the
        next digit belongs after its ``trackEnd``.

        Args:
            digit: What to send.
            duration_ms: How long it sounds; the server's default is 100 ms.
            play_id: Name in the events of its track.
        """
        given = _given(duration_ms=duration_ms, play_id=play_id)
        return await self.send(commands.Dtmf(digit=digit, **given))

    async def renegotiate(self, offer: str) -> Record:
        """Give a WebRTC call a new offer (SDP), such as after a change of network.

        Servers since 0.3.100; their answer is an ``answer`` event.
        """
        return await self.send(commands.Renegotiate(offer=offer))
