"""A fixture that takes away the docstrings of all fields: nothing may hang on them."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from rustpbx_lab.models.base import WireModel


def _models(model: type[BaseModel] = WireModel) -> Iterator[type[BaseModel]]:
    for inner in model.__subclasses__():
        yield inner
        yield from _models(inner)


def _fields() -> list[FieldInfo]:
    return [info for model in _models() for info in model.model_fields.values()]


@pytest.fixture(params=["documented", "undocumented"], autouse=True, scope="module")
def words(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run the tests of a module with the docstrings of fields, and without them."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "undocumented":
            for info in _fields():
                patch.setattr(info, "description", None)
        yield
