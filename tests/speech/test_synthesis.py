from concurrent.futures import ThreadPoolExecutor

import jiwer
import numpy as np
import pytest
from speech.samples import silence, words

from rustpbx_lab.errors import SpeechEngineError
from rustpbx_lab.speech.recognition import recogniser
from rustpbx_lab.speech.synthesis import (
    SYNTHESISERS,
    ScriptedSynthesiser,
    spoken,
    synthesiser,
    voice_for,
)
from rustpbx_lab.speech.vad_engines import SileroEngine

TEXT = "Good morning. I would like to move my appointment to Thursday."
NEEDED = {"hibari": "hibari", "espeak": "espeakng_loader"}


@pytest.fixture(params=SYNTHESISERS)
def engine(request):
    if request.param in NEEDED:
        module = NEEDED[request.param]
        pytest.importorskip(module, reason="needs the extra 'local'")
    return synthesiser(request.param)


def hibari():
    pytest.importorskip("hibari", reason="needs the extra 'local'")
    return synthesiser("hibari")


def pitch_hz(clip):
    """Return the strongest repetition between 80 and 350 Hz in the loudest part."""
    samples = clip.resampled(8000).samples.astype(float)
    windows = np.lib.stride_tricks.sliding_window_view(samples, 1024)[::256]
    loud = windows[np.argsort((windows**2).sum(axis=1))[-20:]]
    found = []
    for window in loud:
        echo = np.correlate(window, window, "full")[1023:]
        lags = slice(8000 // 350, 8000 // 80)
        found.append(8000 / (np.argmax(echo[lags]) + lags.start))
    return float(np.median(found))


@pytest.mark.speech
def test_an_engine_speaks_with_each_of_its_voices(engine):
    assert len(engine.voices) >= 2
    clips = [spoken(engine, TEXT, voice) for voice in engine.voices]
    for clip in clips:
        assert clip.sample_rate_hz == engine.sample_rate_hz
        assert -40 < clip.level_dbfs < -10
        assert np.abs(clip.samples).max() > 3000
    assert clips[0] != clips[1]


@pytest.mark.speech
@pytest.mark.parametrize("text", ["", "  \n ", "\0"])
def test_nothing_to_say_is_no_error(engine, text):
    # engines may breathe; they do not speak
    assert spoken(engine, text).duration_ms < 400


@pytest.mark.speech
def test_twice_the_speed_is_about_half_the_time(engine):
    normal, fast = spoken(engine, TEXT), spoken(engine, TEXT, speed=2.0)
    assert 0.4 < fast.duration_ms / normal.duration_ms < 0.65
    # what is too fast is held at the fastest
    faster = spoken(engine, TEXT, speed=9.0)
    # eSpeak varies by some milliseconds from text to text
    assert faster.duration_ms == pytest.approx(fast.duration_ms, abs=100)


@pytest.mark.speech
def test_an_unknown_voice_is_an_error(engine):
    with pytest.raises(SpeechEngineError, match=f"{engine.voices[0]}.* work"):
        next(iter(engine.stream("Hello.", "nobody")))


@pytest.mark.speech
def test_hibari_says_the_same_twice_also_in_threads():
    engine = hibari()
    expected = spoken(engine, TEXT)
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(lambda text: spoken(engine, text), [TEXT] * 4))
    assert again == [expected] * 4


@pytest.mark.speech
def test_hibari_gives_a_sentence_at_a_time():
    pieces = list(hibari().stream(TEXT))
    assert len(pieces) == 2
    assert len(pieces[0]) < len(pieces[1])


@pytest.mark.speech
def test_the_voices_of_hibari_sound_like_different_people():
    engine = hibari()
    middle, low, high = (pitch_hz(spoken(engine, TEXT, v)) for v in engine.voices)
    assert low < 0.9 * middle
    assert high > 1.1 * middle


@pytest.mark.speech
@pytest.mark.parametrize("voice", ["heart", "heart-low", "heart-high"])
def test_what_hibari_says_is_understood(voice):
    pytest.importorskip("faster_whisper", reason="needs the extra 'local'")
    clip = spoken(hibari(), TEXT, voice).resampled(16000)
    samples = np.concatenate([silence(320), clip.samples, silence(640)])
    found = [h.text for h in recogniser("whisper").stream().push(samples)]
    heard = " ".join(words(" ".join(found)))
    assert jiwer.wer(" ".join(words(TEXT)), heard) <= 0.1
    voiced = SileroEngine().probabilities(clip.samples) > 0.5
    assert voiced.mean() > 0.5


def test_a_scripted_tone_has_a_known_length():
    pieces = list(ScriptedSynthesiser(8000, 50).stream("twelve chars"))
    assert [len(piece) for piece in pieces] == [1600, 1600, 1600]
    clip = spoken(ScriptedSynthesiser(16000, 50), "twelve chars", speed=0.5)
    assert clip.duration_ms == 1200


def test_a_speaker_always_gets_the_same_voice():
    engine = ScriptedSynthesiser()
    assert voice_for(engine, None) == voice_for(engine, "") == "tone"
    assert voice_for(engine, "tone-high") == "tone-high"
    chosen = {name: voice_for(engine, name) for name in map(str, range(601000, 601020))}
    assert set(chosen.values()) == set(engine.voices)
    assert all(voice_for(engine, name) == voice for name, voice in chosen.items())


def test_an_unknown_synthesiser_is_an_error():
    with pytest.raises(SpeechEngineError, match="hibari, espeak, scripted are"):
        synthesiser("azure")
