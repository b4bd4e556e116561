"""Hesitation sounds by language, which do not count as words.

Listed is only what has no other meaning as an utterance of its own: "yes", "well" and
"that" fill pauses too, but a caller who says nothing else has said something.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import regex

_HUMMED = "hm hmm mm mmm mhm"

FILLERS: dict[str, frozenset[str]] = {
    language: frozenset(f"{_HUMMED} {sounds}".split())
    for language, sounds in {
        "ar": "آه أه اه آآ اا ااا أمم امم اممم إممم مم ممم هم هممم اوه أوه",
        "bn": "উম উমম হুম হুমম অ্যা আঃ",
        "cs": "ehm eh ee eee hmm uh um ach oh",
        "da": "øh øhm æh æhm eh ehm åh",
        "de": "äh ähm öh öhm aeh aehm oeh oehm ahm eh ehm uh uhm tja mh mhh och",
        "el": "ε εε εμ εεε χμ χμμ μμ α αα",
        "en": "uh uhm um umm er err erm ah eh oh huh aw",
        "es": "eh ehh em ehm emm ee eee mm ah ay uh uy",
        "fa": "اه آه اوم اووم امم اممم هوم ممم",
        "fi": "öö ööm äh ääh hm öh",
        "fr": "euh heu euhm eh hum hein bah ben beh bof ah oh pff mh",
        "he": "אה אהה אממ אמממ אהמ ממ מממ המ הממ אוה",
        "hi": "अं अँ अम अम्म उम उम्म ऊम हम्म हम्मम ह्म्म हं एं",
        "hu": "öö ööö ő hm ah eh ehm hmm",
        "id": "eh em emm ehm ee eee mm anu uh um oh ah",
        "it": "eh ehm em uhm uh mh mmh mah boh beh bè ah oh ee eee",
        "ja": "えっと えーと ええと えと えー えーっと えっとー あの あのー あのう "
        "そのー あー うーん うー んー ん んーと うーんと おー ふーん へー",
        "ko": "음 으음 어 어어 엄 아 흠 에 흐음",
        "nl": "eh ehm uh uhm euh euhm um tja ah oh hè mh",
        "no": "øh øhm eh ehm æh æhm åh",
        "pl": "yyy yy eee ee ym yhm hym ehm em ach och ech mhm aha",
        "pt": "hum hã ã ãh ahn ah eh ehm uh uhum aham ahã oh",
        "ro": "ăă ăăă îî îîî ăm eh ehm ah oh",
        "ru": "э ээ эээ эм эмм ээм мм ммм хм хмм гм угу ох ах ой",
        "sv": "öh öhm eh ehm äh ähm åh hm mm",
        "ta": "ம் ம்ம் ம்ம்ம் உம் ஆங்",
        "th": "เอ่อ เอิ่ม อืม อืมม อ่า อ่าา เอ้อ ฮึม หืม",
        "tr": "ıı ııı ıh ıhm hı hıı hım ee eee aa ah ah",
        "uk": "е ее еее ем емм мм ммм хм гм угу ох ах ой",
        "vi": "ờ ờm ừm ừmm à ơ ớ ờờ hừm hm um ưm",
        "zh": "嗯 嗯嗯 呃 额 啊 哦 噢 喔 唔 嗳 哎 唉 欸 诶 誒 額 恩 嘖 哼",
    }.items()
}
"""Language (ISO 639-1) → its sounds of hesitation. Add what your callers say:
``FILLERS["de"] |= {"gell"}``. Letters may be drawn out ("hmmmm") and follow each other
("uh-huh"); case does not matter."""

_ALIASES = {"cmn": "zh", "yue": "zh", "nb": "no", "nn": "no", "iw": "he"}
_CODE = re.compile(r"[A-Za-z]{2,3}")
_CHUNK = regex.compile(r"[\p{L}\p{M}\p{N}ー]+")
_DRAWN_OUT = regex.compile(r"(\X)\1+")
_UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{M}ー]+"
)
_TO_HIRAGANA = {code: code - 0x60 for code in range(0x30A1, 0x30F7)}


def fillers_of(language: str | None) -> frozenset[str]:
    """Return the sounds of hesitation of a language.

    Args:
        language: As a recogniser takes it: ``de``, ``zh-CN``, ``16k_en``. None, or one
            that is not in `FILLERS`: those of all languages.
    """
    for code in _CODE.finditer(language or ""):
        folded = code[0].lower()
        known = FILLERS.get(_ALIASES.get(folded) or folded)
        if known is not None:
            return known
    return frozenset(word for sounds in FILLERS.values() for word in sounds)


def is_words(text: str, fillers: Iterable[str] | None = None) -> bool:
    """Whether a text is more than hesitation.

    Args:
        text: What was understood.
        fillers: Sounds that say nothing; None: those of all languages.
    """
    known = fillers_of(None) if fillers is None else frozenset(fillers)
    plain, unspaced = _folded(known)
    whole = _fold(text)
    chunks = _CHUNK.findall(whole)
    if not chunks or whole.strip(" .,!?…") in plain:
        return False
    return not all(_is_filler(chunk, plain, unspaced) for chunk in chunks)


def _is_filler(
    chunk: str, plain: frozenset[str], unspaced: "regex.Pattern[str] | None"
) -> bool:
    short, double = _DRAWN_OUT.sub(r"\1", chunk), _DRAWN_OUT.sub(r"\1\1", chunk)
    if not plain.isdisjoint((chunk, short, double)):
        return True
    return unspaced is not None and unspaced.fullmatch(short) is not None


@lru_cache(maxsize=64)
def _folded(
    fillers: frozenset[str],
) -> tuple[frozenset[str], "regex.Pattern[str] | None"]:
    """Return fillers to compare with, and what matches a row of them without spaces."""
    plain = frozenset(map(_fold, fillers))
    rows = [_DRAWN_OUT.sub(r"\1", word) for word in plain if _UNSPACED.fullmatch(word)]
    rows.sort(key=len, reverse=True)
    alternatives = "|".join(map(regex.escape, rows))
    return plain, regex.compile(f"(?:{alternatives})+") if rows else None


def _fold(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return folded.translate(_TO_HIRAGANA)
