"""Texts with half a surrogate pair, such as a stream cut inside an emoji leaves."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from rustpbx_lab import commands, options
from rustpbx_lab.models.surrogates import (
    has_surrogates,
    split_high,
    well_formed,
    well_formed_model,
)

HIGH, LOW = "\ud83d", "\ude00"
texts = st.text(st.characters(), max_size=8)
"""Any text, lone surrogates too."""
any_text = st.one_of(texts, st.text(st.sampled_from(["a", HIGH, LOW, "😀", "\ufffd"])))
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), any_text),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(any_text, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(any_text)
def test_a_well_formed_text_can_be_encoded_and_stays_as_it_is(text):
    whole = well_formed(text)
    assert whole.encode("utf-8").decode("utf-8") == whole
    assert well_formed(whole) == whole
    if not has_surrogates(text):
        assert whole is text


@given(st.lists(any_text, max_size=6))
def test_pieces_cut_anywhere_join_to_the_same_text(pieces):
    held, sent = "", ""
    for piece in pieces:
        text, held = split_high(held + piece)
        sent += well_formed(text)
    assert sent + well_formed(held) == well_formed("".join(pieces))


@given(st.text(max_size=20), st.data())
def test_a_text_cut_between_utf16_units_comes_out_unharmed(text, data):
    units = text.encode("utf-16-le")
    cut = 2 * data.draw(st.integers(0, len(units) // 2))
    halves = [
        part.decode("utf-16-le", "surrogatepass") for part in (units[:cut], units[cut:])
    ]
    first, held = split_high(halves[0])
    assert well_formed(first) + well_formed(held + halves[1]) == text


@given(json_values, st.dictionaries(any_text, any_text, max_size=3), any_text)
def test_every_text_of_a_command_can_be_encoded(data, headers, text):
    custom = well_formed_model(commands.Custom(data=data, sender=text)).model
    option = options.CallOption(extra=headers, codec=text)
    invite = well_formed_model(commands.Invite(option=option)).model
    for command in (custom, invite):
        assert orjson.loads(command.to_json(reveal=True)) == command.to_wire(True)
        assert well_formed_model(command).model is command


def test_pairs_are_joined_in_silence_and_halves_are_named():
    command = commands.Invite(
        option=options.CallOption(
            tts={"secretKey": f"a{HIGH}", "speaker": HIGH + LOW},
            extra={f"k{LOW}": "v"},
        )
    )
    whole, replaced = well_formed_model(command)
    assert replaced == ("option.tts.secretKey", "option.extra")
    assert whole.to_wire(reveal=True)["option"] == {
        "tts": {"secretKey": "a\ufffd", "speaker": "😀"},
        "extra": {"k\ufffd": "v"},
    }


def test_extras_that_were_read_are_kept():
    read = commands.parse('{"command":"tts","text":"a","mood":"😀"}')
    changed = read.model_copy(update={"text": HIGH})
    assert well_formed_model(changed).model.to_wire() == {
        "command": "tts",
        "text": "\ufffd",
        "mood": "😀",
    }
