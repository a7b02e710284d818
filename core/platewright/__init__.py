"""Platewright: background plates that follow your camera."""

__version__ = "0.2.0"
