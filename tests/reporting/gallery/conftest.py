"""A scene to write."""

import pytest

from tests.reporting.gallery.scenes import Scene


@pytest.fixture
def scene(results):
    return Scene(results)
