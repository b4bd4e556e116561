"""Known faults of the server, each tried on the real one.

What each release is known to do is in ``models/server_faults.py``; a release that was
not tried is expected to do what the source says. Races are tried several times by
``tests/recordings/capture_faults.py``; here once is enough, since none is one.
"""

import pytest
from real_server import (
    VARIABLE,
    real_server_binary,
    real_server_version,
    running_real_server,
)
from recordings.capture_faults import CONFIG, SCENARIOS, play

from rustpbx_lab.analysis.server_faults import server_faults
from rustpbx_lab.client.incoming.webhook import IncomingCalls
from rustpbx_lab.models.server_faults import FAULTS
from rustpbx_lab.models.server_versions import ServerVersion

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not real_server_binary(), reason=f"needs {VARIABLE}"),
]
SHOWING = {
    "keys_out_of_order": "key_doubled_by_order",
    "keys_also_in_info": "key_doubled_by_info",
    "gives_up": "cancel_not_told",
    "refused_after_ringing": "refusal_after_ringing_lost",
    "offers_the_same": "hold_without_change",
    "hung_up_in_a_text": "hangup_cuts_farewell",
}
"""Scenario → the fault that it shows on the releases that have it."""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # the webhook is Tornado's


@pytest.fixture(scope="module")
def version() -> ServerVersion:
    return ServerVersion.parse(real_server_version())


async def played(name: str):
    async with IncomingCalls() as incoming:
        with running_real_server(handler=incoming.url, config=CONFIG) as server:
            return await play(name, server, incoming)


@pytest.mark.parametrize("name", sorted(SCENARIOS))
async def test_a_scenario_shows_its_fault_on_the_releases_that_have_it(name, version):
    call, told = await played(name)
    fault = FAULTS.get(SHOWING.get(name, ""))
    expected = [fault.name] if fault and fault.affects(version) else []
    assert list(server_faults(call.log, version)["fault"]) == expected
    keys = [row.message.digit for row in call.log if row.name == "dtmf"]
    match name:
        case "refused":
            assert told is not None
            assert told.code == 603
        case "refused_after_ringing":
            assert told is not None
            assert told.code == (408 if expected else 603)
        case "whole_keys":
            assert keys == list("0011#")
        case "keys_of_one_length":
            assert keys == ["0", "1"]
        case "keys_out_of_order" | "keys_also_in_info":
            assert keys == list("112233")
        case _:
            assert call.close_reason is not None
