"""Words of any script, by the word boundaries of Unicode (UAX #29)."""

from collections.abc import Iterator

import regex

_BOUNDARY = regex.compile(r"(?V1w)\b")
_SPOKEN = regex.compile(r"[\p{L}\p{N}]")


def words(text: str) -> Iterator[str]:
    """Yield the words of a text, without spaces and punctuation.

    Han and hiragana have no spaces: each character is a word. Of Thai, Lao, Khmer and
    Burmese the boundaries need a dictionary: each syllable, about, is a word.
    """
    return (part for part in _BOUNDARY.split(text) if _SPOKEN.search(part))


def count_words(text: str) -> int:
    """Return how many words a text has; see `words`."""
    return sum(1 for _ in words(text))
