from pathlib import Path

import pytest
from pytest_django import Settings


@pytest.fixture(autouse=True)
def _own_media(settings: Settings, tmp_path: Path) -> None:
    """Uploads go away with the test."""
    settings.MEDIA_ROOT = tmp_path / "media"
