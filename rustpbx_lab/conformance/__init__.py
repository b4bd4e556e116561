"""Conformance of a server with the protocol reference: named points, run one by one."""

# each module of points registers its own
from rustpbx_lab.conformance import audio_points as audio_points
from rustpbx_lab.conformance import command_points as command_points
from rustpbx_lab.conformance import connection_points as connection_points
from rustpbx_lab.conformance import ending_points as ending_points
from rustpbx_lab.conformance import file_points as file_points
from rustpbx_lab.conformance import newer_points as newer_points
from rustpbx_lab.conformance import playback_points as playback_points
from rustpbx_lab.conformance import provider_points as provider_points
from rustpbx_lab.conformance import release_points as release_points
from rustpbx_lab.conformance import rest_points as rest_points
from rustpbx_lab.conformance import telephone_points as telephone_points
from rustpbx_lab.conformance import vad_points as vad_points
from rustpbx_lab.conformance.points import POINTS, Point
from rustpbx_lab.conformance.suite import (
    Report,
    Result,
    check_server,
    differences,
    markdown,
)

__all__ = [
    "POINTS",
    "Point",
    "Report",
    "Result",
    "check_server",
    "differences",
    "markdown",
]
