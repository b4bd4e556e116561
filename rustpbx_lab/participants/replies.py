"""Reply rules of the front desk."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

GREETING = "Good morning, this is the front desk. How can I help you?"
GOODBYE = "Thank you for calling. Goodbye."
OFFER = (
    "I can tell you our opening hours, book an appointment, "
    "or look up the status of an order."
)
STILL_THERE = "Are you still there? " + OFFER
MAX_UNKNOWN = 3

_DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday|tomorrow|today"
_DAY = re.compile(rf"\b({_DAYS})\b", re.IGNORECASE)
_CLOSED_DAYS = frozenset({"saturday", "sunday"})
_WORDS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
_DIGITS: Mapping[str, str] = {
    **{word: str(digit) for digit, word in enumerate(_WORDS)},
    "oh": "0",
}
_NUMBER: re.Pattern[str] = re.compile(rf"\d|\b(?:{'|'.join(_DIGITS)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, and whether the call is over then."""

    text: str
    is_last: bool = False
    transfers: bool = False
    """Whether the caller asked for a person."""


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the desk knows; it makes nothing up."""

    opening_hours: str = "We are open Monday to Friday, from nine to five."
    orders: Mapping[str, str] = field(
        default_factory=lambda: {
            "427": "was sent yesterday and should arrive tomorrow",
            "318": "is being packed and leaves today",
        }
    )
    """Order number → what there is to say of it."""
    can_transfer: bool = False


class Replies:
    """The desk's side of one conversation: remembers what it has asked."""

    def __init__(self, knowledge: Knowledge | None = None) -> None:
        self._knowledge = knowledge or Knowledge()
        self._awaits: Callable[[str], Reply | None] | None = None
        self._unknown = 0

    def reply_to(self, text: str) -> Reply:
        """Return the answer to what the caller said in one turn."""
        awaited, self._awaits = self._awaits, None
        reply = _first(text, _LEAVING, self)
        if reply is None and awaited is not None:
            reply = awaited(text)
        if reply is None:
            reply = _first(text, _INTENTS, self)
        if reply is not None:
            self._unknown = 0
            return reply
        self._unknown += 1
        if self._unknown >= MAX_UNKNOWN:
            return Reply("I am sorry, I cannot help you with that. " + GOODBYE, True)
        self._awaits = awaited  # a question stays asked
        return Reply("Sorry, I did not understand that. " + OFFER)

    # ------------------------------------------------------------------ intents

    def goodbye(self, _: str) -> Reply:
        """Answer someone who wants to leave."""
        return Reply(GOODBYE, is_last=True)

    def person(self, _: str) -> Reply:
        """Answer someone who wants a person."""
        if self._knowledge.can_transfer:
            return Reply("One moment, I will put you through.", transfers=True)
        return Reply("I am sorry, I cannot put you through from here. " + OFFER)

    def hours(self, _: str) -> Reply:
        """Answer when the desk is open."""
        return Reply(f"{self._knowledge.opening_hours} Is there anything else?")

    def appointment(self, text: str) -> Reply:
        """Take an appointment, asking for the day if none was said."""
        at_once = self._day(text)
        if at_once is not None:
            return at_once
        self._awaits = self._day
        return Reply("Of course. Which day would suit you?")

    def _day(self, text: str) -> Reply | None:
        found = _DAY.search(text)
        if found is None:
            return None
        day = found[1].capitalize()
        if day.lower() in _CLOSED_DAYS:
            self._awaits = self._day
            return Reply(f"We are closed on {day}. Which other day would suit you?")
        said = day if day not in {"Today", "Tomorrow"} else day.lower()
        return Reply(f"I have noted {said} for you. Is there anything else?")

    def order(self, text: str) -> Reply:
        """Look an order up, asking for its number if none was said."""
        at_once = self._number(text)
        if at_once is not None:
            return at_once
        self._awaits = self._number
        return Reply("I can look that up. What is your order number?")

    def _number(self, text: str) -> Reply | None:
        said = [match[0].lower() for match in _NUMBER.finditer(text)]
        found = [_DIGITS.get(one, one) for one in said]
        if not found:
            return None
        status = self._knowledge.orders.get("".join(found))
        spoken = " ".join(found)
        if status is None:
            self._awaits = self._number
            return Reply(f"I cannot find order {spoken}. Please say it once more.")
        return Reply(f"Order {spoken} {status}. Is there anything else?")

    def thanks(self, _: str) -> Reply:
        """Answer thanks."""
        return Reply("You are welcome. Is there anything else I can do for you?")

    def hello(self, _: str) -> Reply:
        """Answer a greeting."""
        return Reply("Hello! " + OFFER)


Intent = tuple[re.Pattern[str], Callable[[Replies, str], Reply]]


def _intent(words: str, answer: Callable[[Replies, str], Reply]) -> Intent:
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE), answer


_LEAVING = (
    (re.compile(r"^\W*no(pe)?(\W+thank(s| you))?\W*$", re.IGNORECASE), Replies.goodbye),
    _intent(
        r"good ?bye|bye|that(?:'s| is| was| will be)? all|nothing else|hang up",
        Replies.goodbye,
    ),
    _intent(
        r"human|real person|operator|somebody|someone|colleague|put me through"
        r"|transfer me|speak (?:to|with) (?:a|an|the) \w+",
        Replies.person,
    ),
)
_INTENTS = (
    _intent(r"orders?|parcels?|packages?|deliver\w*|shipment", Replies.order),
    _intent(r"appointments?|book\w*|schedul\w*|reschedul\w*", Replies.appointment),
    _intent(r"open|opening|hours|close|closed|closing", Replies.hours),
    _intent(r"thanks|thank you", Replies.thanks),
    _intent(r"hello|hi|hey|good (?:morning|afternoon|evening)", Replies.hello),
)


def _first(text: str, intents: tuple[Intent, ...], desk: Replies) -> Reply | None:
    for pattern, answer in intents:
        if pattern.search(text):
            return answer(desk, text)
    return None
