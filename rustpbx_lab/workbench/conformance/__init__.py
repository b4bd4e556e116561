"""Does this server behave as the protocol reference says: named points, asked anew."""

# each module of points registers its own
from . import audio_points as audio_points
from . import command_points as command_points
from . import connection_points as connection_points
from . import ending_points as ending_points
from . import file_points as file_points
from . import playback_points as playback_points
from . import provider_points as provider_points
from . import rest_points as rest_points
from . import telephone_points as telephone_points
from . import vad_points as vad_points
from .points import POINTS, Point
from .suite import Report, Result, check_server, markdown

__all__ = ["POINTS", "Point", "Report", "Result", "check_server", "markdown"]
