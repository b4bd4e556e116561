"""What all tests share."""

import pytest
from real_server import real_server

__all__ = ["anyio_backend", "real_server"]


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every async test on both event loops."""
    return request.param
