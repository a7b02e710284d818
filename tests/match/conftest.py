"""The sequences are there before the first test asks, so that no test is blamed for the rendering."""

from __future__ import annotations

import pytest

from tests.match.filmed import filmed


@pytest.fixture(scope="session", autouse=True)
def sequences() -> None:
    """Render what is missing."""
    filmed("parallax")
