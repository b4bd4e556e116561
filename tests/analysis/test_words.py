"""Words and hesitation in the languages of telephony."""

import unicodedata

import pytest
from analysis.call_logs import Call

from rustpbx_lab.analysis.fillers import FILLERS, fillers_of, is_words
from rustpbx_lab.analysis.timelines import timeline
from rustpbx_lab.analysis.words import count_words, words
from rustpbx_lab.models import events
from rustpbx_lab.participants.front_desk import BargeIn


@pytest.mark.parametrize(
    ("text", "n_words"),
    [
        ("hello there my friend", 4),
        ("it's don’t", 2),
        ("3.5 million 1,000", 3),
        ("नमस्ते आप कैसे हैं", 4),
        ("வணக்கம் நீங்கள் எப்படி இருக்கிறீர்கள்", 4),
        ("আপনি কেমন আছেন", 3),
        ("నమస్కారం మీరు ఎలా ఉన్నారు", 4),
        ("السَّلَامُ عَلَيْكُمْ", 2),
        ("שָׁלוֹם לָךְ", 2),
        (unicodedata.normalize("NFD", "tiếng Việt rất hay"), 4),
        (unicodedata.normalize("NFD", "안녕하세요 반갑습니다"), 2),
        ("می\u200cخواهم بروم", 2),
        ("您好，请问有什么可以帮您", 11),
        ("𠮷野家", 3),
        ("… !? —", 0),
    ],
)
def test_words_are_counted_as_unicode_bounds_them(text: str, n_words: int):
    assert count_words(text) == n_words == len(list(words(text)))


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Hmm."),
        ("en", "Ummmm… uh-huh"),
        ("de-DE", "Ähm, öh"),
        ("fr", "Euuuh"),
        ("es", "Eeeh, mmm"),
        ("pt-BR", "Hã… uhum"),
        ("it", "Ehm"),
        ("nl", "Euhm"),
        ("pl", "Yyyy"),
        ("ru", "Э-э-э, ммм"),
        ("uk", "Гм"),
        ("tr", "ııı"),
        ("ar", "أممم"),
        ("hi", "हम्म"),
        ("16k_zh", "嗯嗯，呃"),
        ("ja", "えーっと、あのー"),
        ("ja", "うーーん"),
        ("ko", "음… 어"),
        ("vi", "Ừm"),
        ("id", "Anu, emm"),
        ("th", "เอ่อ"),
    ],
)
def test_hesitation_is_no_word_in_its_language_nor_where_none_is_known(language, text):
    assert not is_words(text, fillers_of(language))
    assert not is_words(text)
    for form in ("NFC", "NFD"):
        assert not is_words(unicodedata.normalize(form, text), fillers_of(language))


@pytest.mark.parametrize(
    "text",
    ["yes", "hm yes", "um, no", "ja", "oui", "да", "是", "嗯，是的", "はい", "네", "5"],
)
def test_an_answer_is_words(text: str):
    assert is_words(text)


@pytest.mark.parametrize("text", ["", " ", "...", "、。"])
def test_nothing_is_no_word(text: str):
    assert not is_words(text)


def test_what_is_a_filler_elsewhere_may_be_a_word_here():
    assert is_words("um", fillers_of("pt"))  # one
    assert not is_words("um", fillers_of("en"))


def test_the_obvious_languages_are_there_and_no_entry_is_empty():
    obvious = "en de fr es pt it nl pl ru uk tr ar hi zh ja ko vi id"
    assert set(obvious.split()) <= set(FILLERS)
    assert all(word for known in FILLERS.values() for word in known)


def test_users_add_their_own():
    assert not is_words("gell", fillers_of("de") | {"gell"})
    policy = BargeIn(ignore_first_ms=0, fillers=frozenset({"you know"}))
    said = events.AsrDelta(track_id="s", timestamp=1, index=0, text="You know…")
    assert not policy.allows(said, 9999, 9999)


def test_an_interruption_by_a_filler_of_the_calls_language_is_false():
    for language, text, is_false in (("de", "Ähm.", True), ("de", "Nein.", False)):
        call = Call(asr={"provider": "aliyun", "language": language})
        call.command("tts", 100, text="Guten Tag", playId="a")
        call.track_start(101, "a")
        call.synthesised(200, "a", ttfb=50, n_bytes=160_000)
        call.speaking(1300, 1000)
        call.interruption(1310, "a", current=1000, total=5000)
        call.track_end(1310, "a")
        call.silence(1700, 1000, 500)
        call.asr("asrFinal", 1900, text, startTime=1000, endTime=1500)
        call.closed(9000)
        (row,) = timeline("overlaps", call.log).to_dict("records")
        assert row["kind"] == "interruption"
        assert row["is_false"] is is_false
