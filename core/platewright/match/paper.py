"""A dark page to draw on: lines, words, pictures and charts, smooth because it is drawn at twice its size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ..previews import ContactSheet
from .views import Array

Colour = tuple[int, int, int]
Spot = tuple[float, float]                         # x right, y down, in the page's pixels

GREY, TEXT, FAINT = ContactSheet.GREY, ContactSheet.TEXT, ContactSheet.FAINT
FRAME: Colour = (70, 70, 70)
NOISE: Colour = (58, 58, 58)
# Told apart by people who see fewer colours, too: Okabe and Ito, Color Universal Design, 2008.
ORANGE: Colour = (230, 159, 0)
BLUE: Colour = (86, 180, 233)
GREEN: Colour = (0, 175, 130)
YELLOW: Colour = (240, 228, 66)
VERMILLION: Colour = (240, 110, 20)
FINE = 2                                           # pixels drawn per pixel of the page
DASH, GAP = 7.0, 5.0
DECADES_FROM = 12.0                                # a top so many times a curve and the limit would press them flat


class Page:
    """A picture in the making; everything is told in its own final pixels."""

    def __init__(self, width: int, height: int, ground: Image.Image | None = None) -> None:
        self.width, self.height = width, height
        size = width * FINE, height * FINE
        self._image = ground.resize(size, Image.Resampling.LANCZOS) if ground else Image.new("RGB", size, GREY)
        self._draw = ImageDraw.Draw(self._image)

    def line(self, spots: Sequence[Spot], colour: Colour, width: float = 1.0) -> None:
        """A line through all spots."""
        fine = [(x * FINE, y * FINE) for x, y in spots]
        self._draw.line(fine, fill=colour, width=max(1, round(width * FINE)), joint="curve")

    def dashes(self, start: Spot, end: Spot, colour: Colour, width: float = 1.0) -> None:
        """A dashed straight line."""
        length = math.dist(start, end)
        for place in np.arange(0.0, length, DASH + GAP):
            self.line([_along(start, end, t / length) for t in (place, min(place + DASH, length))], colour, width)

    def dot(self, spot: Spot, radius: float, colour: Colour) -> None:
        """A filled circle, dark around."""
        x, y = spot
        for tone, r in ((GREY, radius + 1.0), (colour, radius)):
            self._draw.ellipse([(x - r) * FINE, (y - r) * FINE, (x + r) * FINE, (y + r) * FINE], fill=tone)

    def cross(self, spot: Spot, radius: float, colour: Colour, width: float = 1.0) -> None:
        """A lying cross."""
        (x, y), r = spot, radius
        self.line([(x - r, y - r), (x + r, y + r)], colour, width)
        self.line([(x - r, y + r), (x + r, y - r)], colour, width)

    def arrow(self, start: Spot, end: Spot, colour: Colour) -> None:
        """A line with a head at its end that is never longer than the line; dark around, to be seen on light ground."""
        length = math.dist(start, end)
        head = min(8.0, length)
        if head < 1.0:
            return
        x, y = _along(end, start, head / length)
        side_x, side_y = (0.45 * (y - end[1]), 0.45 * (end[0] - x))
        tip = [end, (x + side_x, y + side_y), (x - side_x, y - side_y)]
        for tone, width in ((GREY, 3.5), (colour, 1.5)):
            self.line([start, (x, y)], tone, width)
        self.line([*tip, *tip[:2]], GREY, 2)
        self.area(tip, colour)

    def area(self, spots: Sequence[Spot], colour: Colour) -> None:
        """A filled polygon."""
        self._draw.polygon([(x * FINE, y * FINE) for x, y in spots], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """The outline of a box."""
        self.line([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], colour)

    def words(self, spot: Spot, text: str, size: float = 15, colour: Colour = TEXT, anchor: str = "la") -> None:
        """One line of text; the anchor is Pillow's, `la` being left and top."""
        self._draw.text((spot[0] * FINE, spot[1] * FINE), text, fill=colour, font=_font(size), anchor=anchor)

    def paste(self, page: Page, left: float, top: float) -> None:
        """Another page on this one."""
        self._image.paste(page._image, (round(left * FINE), round(top * FINE)))

    def picture(self) -> Image.Image:
        """What has been drawn, at the page's size."""
        return self._image.resize((self.width, self.height), Image.Resampling.LANCZOS)


def length_of(text: str, size: float) -> float:
    """How long a line of text is on the page."""
    return _font(size).getlength(text) / FINE


def _font(size: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size * FINE)


def _along(start: Spot, end: Spot, share: float) -> Spot:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


# Charts ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One value per frame; NaN where there is none."""

    name: str
    frames: Sequence[int]                          # scene frames, increasing
    values: Array
    colour: Colour
    width: float = 2.0

    def runs(self) -> list[list[tuple[int, float]]]:
        """Frames with their values, broken where a value is missing."""
        runs: list[list[tuple[int, float]]] = [[]]
        for frame, value in zip(self.frames, self.values, strict=True):
            if math.isfinite(value):
                runs[-1].append((frame, float(value)))
            elif runs[-1]:
                runs.append([])
        return [run for run in runs if run]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Curves over scene frames, with a limit. At least one value must be there."""

    title: str
    curves: Sequence[Curve]
    limit: float
    limit_name: str
    noise: Curve | None = None                     # what cannot be told from zero

    def draw(self, page: Page, left: float, top: float, width: float, height: float) -> None:
        """The chart with its title, legend and axes, all of it within the box."""
        page.words((left, top), self.title, 16)
        self._draw_legend(page, left + width, top)
        plot = Plot.around(self, left + 48, top + 34, left + width - 8, top + height - 28)
        if self.noise:
            plot.draw_noise(page, self.noise)
        plot.draw_axes(page)
        plot.draw_limit(page, self.limit, self.limit_name)
        for curve in self.curves:
            plot.draw_curve(page, curve)

    def _draw_legend(self, page: Page, right: float, top: float) -> None:
        curves = list(self.curves) if self.noise is None else [self.noise, *self.curves]
        for curve in reversed(curves):
            right -= length_of(curve.name, 14)
            page.words((right, top + 2), curve.name, 14, FAINT)
            page.line([(right - 24, top + 10), (right - 6, top + 10)], curve.colour, curve.width)
            right -= 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """The box that curves are drawn in: where a frame and a value lie on the page."""

    left: float
    top: float
    right: float
    bottom: float
    first: float                                   # scene frames
    last: float
    least: float                                   # values at the bottom and the top
    most: float
    has_decades: bool

    @classmethod
    def around(cls, chart: Chart, left: float, top: float, right: float, bottom: float) -> Plot:
        """A box whose axes hold all that the chart shows."""
        values = np.array([value for curve in chart.curves for run in curve.runs() for _, value in run])
        frames = [frame for curve in chart.curves for frame in curve.frames]
        most = max(float(values.max()), chart.limit)
        lowest = min(float(np.nanmedian(curve.values)) for curve in chart.curves)
        has_decades = most > DECADES_FROM * chart.limit and lowest < most / DECADES_FROM
        small = max(float(np.quantile(values, 0.05)), chart.limit / 50)
        return cls(
            left=left,
            top=top,
            right=right,
            bottom=bottom,
            first=float(min(frames)),
            last=float(max(frames)),
            least=10.0 ** math.floor(math.log10(min(chart.limit, small))) if has_decades else 0.0,
            most=1.5 * most if has_decades else 1.15 * most,
            has_decades=has_decades,
        )

    def x(self, frame: float) -> float:
        """Where a scene frame lies."""
        share = (frame - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return self.left + share * (self.right - self.left)

    def y(self, value: float) -> float:
        """Where a value lies; what an axis does not hold lies at its end."""
        value = min(max(value, self.least), self.most)
        if self.has_decades:
            share = math.log(value / self.least) / math.log(self.most / self.least)
        else:
            share = value / self.most
        return self.bottom - share * (self.bottom - self.top)

    def draw_axes(self, page: Page) -> None:
        """Box, lines and numbers."""
        for value in self._ticks():
            page.line([(self.left, self.y(value)), (self.right, self.y(value))], FRAME, 0.5)
            page.words((self.left - 8, self.y(value)), f"{value:g}", 13, FAINT, "rm")
        step = max(1.0, nice_step((self.last - self.first) / 6))
        for frame in np.arange(math.ceil(self.first / step) * step, self.last + 0.5, step):
            page.line([(self.x(frame), self.bottom), (self.x(frame), self.bottom + 4)], FAINT)
            page.words((self.x(frame), self.bottom + 8), f"{frame:.0f}", 13, FAINT, "ma")
        page.box(self.left, self.top, self.right, self.bottom, FRAME)

    def _ticks(self) -> list[float]:
        if self.has_decades:
            powers = range(round(math.log10(self.least)), math.floor(math.log10(self.most)) + 1)
            return [10.0**power for power in powers]
        step = nice_step(self.most / 4)
        return [float(f"{step * place:.6g}") for place in range(int(self.most / step) + 1)]

    def draw_limit(self, page: Page, limit: float, name: str) -> None:
        """A dashed line across, with its name."""
        page.dashes((self.left, self.y(limit)), (self.right, self.y(limit)), TEXT, 1.2)
        page.words((self.right - 6, self.y(limit) - 4), name, 13, TEXT, "rd")

    def draw_noise(self, page: Page, noise: Curve) -> None:
        """The values that say nothing, shaded."""
        for run in noise.runs():
            tops = [(self.x(frame), self.y(value)) for frame, value in run]
            page.area([(tops[0][0], self.bottom), *tops, (tops[-1][0], self.bottom)], noise.colour)

    def draw_curve(self, page: Page, curve: Curve) -> None:
        """A line that breaks where there is no value; a value alone is a dot."""
        for run in curve.runs():
            spots = [(self.x(frame), self.y(value)) for frame, value in run]
            if len(spots) > 1:
                page.line(spots, curve.colour, curve.width)
            else:
                page.dot(spots[0], curve.width, curve.colour)


def nice_step(about: float) -> float:
    """1, 2 or 5 times a power of ten, at least `about`."""
    power = 10.0 ** math.floor(math.log10(about)) if about > 0 else 1.0
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= about * (1 - 1e-9))
