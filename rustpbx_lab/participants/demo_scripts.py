"""The conversations of the demo."""

from collections.abc import Sequence

from .scripted_caller import BargeIn, HangUp, Pause, Say, Step, WaitForBot

SCRIPTS: Sequence[Sequence[Step]] = (
    (  # thinks in the middle of a sentence
        WaitForBot(),
        Say("Hello, I would like to book"),
        Pause(700),
        Say("an appointment on Tuesday."),
        WaitForBot(),
        Say("No, thank you. Goodbye."),
        WaitForBot(),
    ),
    (  # cannot wait for the end of what it is told
        BargeIn("Sorry, when are you open?", after_ms=1400),
        WaitForBot(),
        Say("And what is the status of my order?"),
        WaitForBot(),
        Say("Four two seven."),
        WaitForBot(),
        Say("That is all, thank you. Goodbye."),
        WaitForBot(),
    ),
    (  # says something that nobody can answer, then leaves
        WaitForBot(),
        Say("My cat has climbed the roof again."),
        BargeIn("I want to speak to a human.", after_ms=1500),
        WaitForBot(),
        Say("Never mind."),
        Pause(900),
        HangUp("the caller gave up"),
    ),
)
"""The conversations of the demo, in turns."""
