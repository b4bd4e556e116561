"""Options kept as files and texts: nothing lost, no secret in them."""

import ast
import json

import pytest

from rustpbx_lab.dashboard.sidebar.copy_as import as_go, as_json, as_python
from rustpbx_lab.dashboard.sidebar.option_panel import OptionPanel
from rustpbx_lab.dashboard.sidebar.presets import Presets, parse_preset
from rustpbx_lab.errors import InvalidOptionError
from rustpbx_lab.hub.hub_call import HubCall
from rustpbx_lab.models import commands, options
from rustpbx_lab.models.options import (
    CallOption,
    SipOption,
    SynthesisOption,
    TranscriptionOption,
    VADOption,
)
from rustpbx_lab.speech.vad import VadParams
from rustpbx_lab.views.call_digest import digest_of

from .conftest import command, ended_call

SECRET = "s3cr3t-`quoted`-ä"
OPTION = CallOption(
    vad=VADOption(type="silero", silence_padding=480),
    asr=TranscriptionOption(provider="aliyun", secret_key=SECRET, language="zh"),
    sip=SipOption(headers={"X-One": 'a `tick` and "quotes"'}),
    codec="pcmu",
)


def test_no_text_has_the_secret():
    python = as_python(OPTION, "ws://127.0.0.1:8080", "websocket")
    for text in (as_json(OPTION), python, as_go(OPTION)):
        assert SECRET not in text
        assert "***" in text


def test_the_python_is_a_program_with_the_same_option():
    text = as_python(OPTION, "ws://h:1", "sip")
    tree = ast.parse(text)
    (value,) = [n.value for n in tree.body if isinstance(n, ast.Assign)]
    made = eval(compile(ast.Expression(value), "copied", "eval"), {"options": options})
    assert made.to_wire() == OPTION.to_wire()
    assert 'connect("ws://h:1", call_type="sip")' in text


def test_the_go_carries_the_json_even_with_backticks():
    literal = as_go(OPTION).partition("[]byte(")[2].partition("), &option)")[0]
    assert json.loads(json.loads(literal)) == OPTION.to_wire()


def test_a_saved_preset_comes_back_without_its_secrets():
    option, n_masked = parse_preset(as_json(OPTION), "mine.json")
    assert n_masked == 1
    assert option.asr is not None
    assert option.asr.secret_key is None
    assert option.vad == OPTION.vad
    assert option.sip == OPTION.sip


NESTED = '{"vad":' * 100_000
REFUSED = ["{", "[]", '{"vad": {"tpye": "silero"}}', '{"x":1}', NESTED]


@pytest.mark.parametrize("text", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_option_is_refused_with_its_name(text: str):
    with pytest.raises(InvalidOptionError, match=r"mine\.json"):
        parse_preset(text, "mine.json")


def test_loading_fills_the_form_with_that_and_nothing_else():
    changes: list[int] = []
    panel = OptionPanel(lambda: changes.append(1))
    option = CallOption(vad=VADOption(type="silero", silence_padding=480), codec="pcmu")
    panel.load(option)
    built = panel.build()
    assert built is not None
    assert built.asr is None
    assert built.tts is None
    assert built.codec == "pcmu"
    assert built.vad is not None
    assert built.vad.silence_padding == 480
    assert len(changes) == 1


class TestOptionsOfTheCall:
    """The options of the call that is shown are filled in for the next."""

    @pytest.fixture
    def loaded(self) -> list[CallOption]:
        return []

    @pytest.fixture
    def presets(self, loaded: list[CallOption]) -> Presets:
        made = Presets(lambda: None, loaded.append, lambda: ("ws://lab:1", ""))
        made.files.tell = lambda text, is_bad=False: told.append((text, is_bad))
        told: list[tuple[str, bool]] = []
        made.told = told
        return made

    def test_they_are_loaded_without_their_secrets(self, presets, loaded):
        tts = SynthesisOption(provider="aliyun", secret_key="geheim", speaker="x")
        option = CallOption(vad=VADOption(silence_padding=640), tts=tts)
        call = ended_call([command(0, commands.Invite(option=option))])
        digest_of(call).advance(call.recording, 10)
        presets.shown = call
        presets._on_message({"of_call": True})
        (found,) = loaded
        assert found.vad.silence_padding == 640
        assert found.tts.speaker == "x"
        assert found.tts.secret_key is None
        assert presets.told[-1][0].endswith("type the secret, no file has them")

    def test_without_a_call_it_says_so(self, presets, loaded):
        presets._on_message({"of_call": True})
        assert loaded == []
        assert presets.told == [("no call is shown that tells its options", True)]


class TestOptionsOfACallOfOurs:
    """The options begin at those of the call beside them, until somebody chooses."""

    @pytest.fixture
    def panel(self) -> OptionPanel:
        return OptionPanel(lambda: None)

    @pytest.fixture
    def presets(self, panel: OptionPanel) -> Presets:
        return Presets(panel.build, panel.load, lambda: ("ws://lab:1", ""))

    def test_they_are_taken_over(self, presets, panel):
        presets.show_call(made_with(VADOption(silence_padding=640)))
        assert panel.build().vad.silence_padding == 640
        presets.show_call(made_with(VADOption(silence_padding=320)))
        assert panel.build().vad.silence_padding == 320

    def test_what_somebody_chose_stays(self, presets, panel):
        panel.use_vad(VadParams(silence_padding_ms=500))
        presets.show_call(made_with(VADOption(silence_padding=640)))
        assert panel.build().vad.silence_padding == 500

    def test_a_call_with_secrets_is_left_alone(self, presets, panel):
        before = panel.build()
        asr = TranscriptionOption(provider="aliyun", secret_key="geheim")
        presets.show_call(made_with(VADOption(), asr=asr))
        assert panel.build() == before

    def test_a_saved_call_is_left_alone(self, presets, panel):
        call = made_with(VADOption(silence_padding=640))
        call.is_ours = call.is_live = False
        before = panel.build()
        presets.show_call(call)
        assert panel.build() == before


def made_with(vad: VADOption, **options: object) -> HubCall:
    call = ended_call([])
    call.option = CallOption(vad=vad, **options)
    return call
