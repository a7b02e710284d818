"""What Wan-VACE is shown: `guided`'s pictures."""

from __future__ import annotations

from ..guides import brightness, near_range
from .guided import DepthPictures, Guide, opened

__all__ = ["DepthPictures", "Guide", "brightness", "near_range", "opened"]
