"""What models need of a device's memory: traced, not guessed.

The real networks ran at full size on torch's meta device, their longest window, and the bytes of all storages alive
were added up (`bench/memory.py`, `memory_guided.py`, `memory_wan.py`; docs/models.md has the tables). Transformers in
bfloat16, VAEs in float32. Text encoders are gone by then, or read the prompt on the CPU where they have no room. A
device adds workspaces, fragmentation and its own context: MARGIN and CONTEXT.

full    everything is there at once, as the preset `full` has it
least   one block at a time, with the same pictures: `group-offload`; the rest waits in the machine's memory
"""

from __future__ import annotations

from dataclasses import dataclass

MARGIN = 1.15                                      # of what was traced
CONTEXT = 0.7                                      # GB


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """GB of 1e9 bytes: weights, and the peaks beside them."""

    nets: float                                    # all transformers, with ControlNets
    in_turns: float                                # two blocks at a time, and what is in none of them
    stays: float                                   # VAE, adapters, CLIP: on the device whatever the preset
    a_pass: float                                  # a pass through the largest transformer
    coding: float                                  # the VAE at work: encoding or decoding, whichever is more

    @property
    def beside(self) -> float:
        """What is alive beside weights at the peak."""
        return max(self.a_pass, self.coding)

    @property
    def full(self) -> float:
        return self.nets + self.stays + self.beside

    @property
    def least(self) -> float:
        return self.in_turns + self.stays + self.beside


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoStages:
    """SANA-WM: the first stage is small and stays whole; the refiner's decoder works beside it."""

    first: float = 5.32
    first_pass: float = 4.78                       # 961 frames; 481: 2.4
    refiner: float = 26.08
    in_turns: float = 1.38                         # of the refiner: two blocks at a time, and what is in none of them
    a_pass: float = 8.40                           # 7.6 of it is the window: keys and values of all blocks
    short_pass: float = 1.26                       # where these wait with their blocks
    decoder: float = 2.11
    decoding: float = 2.96

    @property
    def beside(self) -> float:
        """What is alive beside the refiner's weights, its decoder's among it."""
        return self.a_pass + self.decoder + self.decoding

    @property
    def full(self) -> float:
        return max(self.first + self.first_pass, self.refiner + self.beside)

    @property
    def least(self) -> float:
        refining = self.in_turns + self.short_pass + self.decoder + self.decoding
        return max(self.first + self.first_pass, refining)


CLIP = 1.26                                        # ViT-H, 632 million parameters
VAE = 0.51                                         # Wan 2.1's
SANA = TwoStages()
TRACED: dict[str, Traced | TwoStages] = {
    "sana-wm": SANA,
    "wan-fun-camera": Traced(nets=57.16, in_turns=1.87, stays=VAE + 2.02, a_pass=4.41, coding=7.82),
    "wan-fun-camera-5b": Traced(nets=10.00, in_turns=0.84, stays=2.82 + 0.49, a_pass=5.63, coding=19.48),
    "wan-fun-camera-1.3b": Traced(nets=3.13, in_turns=0.26, stays=VAE + 0.10 + CLIP, a_pass=1.71, coding=7.82),
    "wan-fun-camera-14b": Traced(nets=32.79, in_turns=2.10, stays=VAE + 1.01 + CLIP, a_pass=4.08, coding=7.82),
    "wan-vace-1.3b": Traced(nets=4.31, in_turns=0.27, stays=VAE, a_pass=3.24, coding=7.83),
    "wan-vace-14b": Traced(nets=34.68, in_turns=2.09, stays=VAE, a_pass=6.78, coding=7.83),
    "cosmos-transfer2.5": Traced(nets=5.77, in_turns=1.17, stays=1.5 * VAE, a_pass=8.52, coding=17.66),
    "z-image-turbo": Traced(nets=12.31, in_turns=0.80, stays=0.34, a_pass=0.60, coding=3.43),
}


def least_gb(name: str) -> float:
    """What a model needs of a device to make the same pictures, however slowly."""
    return on_device(TRACED[name].least)


def full_gb(name: str) -> float:
    """What it needs to have everything there at once."""
    return on_device(TRACED[name].full)


def beside_bytes(name: str) -> float:
    """What must be free beside its weights."""
    return TRACED[name].beside * MARGIN * 1e9


def on_device(traced_gb: float) -> float:
    """GB of a device for what was traced."""
    return round(traced_gb * MARGIN + CONTEXT, 1)
