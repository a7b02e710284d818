"""Plates and cameras for other programs: one format, one file.

    shot      what is exported: a camera, with frames or without
    kinds     what can be made of it, and the writing
"""

from __future__ import annotations

KINDS = {                                          # name: what it is
    "nuke": "a script: Read, STMap and Merge under the keyed foreground, and the Camera",
    "chan": "Nuke's camera text",
    "usd": "a USD camera",
    "otio": "OpenTimelineIO: the frames as a clip",
    "re10k": "RealEstate10K camera text",
    "cameractrl": "the same as CameraCtrl reads it",
    "stmap": "the clip's lens as ST maps, both ways",
    "working": "the camera of a plate that covers what redistorting needs",
}
