"""Put the pictures of a folder on one sheet: `.venv/bin/python tools/contact_sheet.py FOLDER -o SHEET.png`."""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

COLUMNS = 2
WIDTH = 960                                # of one picture, in pixels
GAP = 12
GROUND = (24, 24, 24)


def sheet_of(files: list[Path]) -> Image.Image:
    """The pictures in reading order, two in a row."""
    pictures = [fitted(file) for file in files]
    height = max(picture.height for picture in pictures)
    rows = -(-len(pictures) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (WIDTH + GAP) + GAP, rows * (height + GAP) + GAP), GROUND)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, COLUMNS)
        sheet.paste(picture, (GAP + column * (WIDTH + GAP), GAP + row * (height + GAP)))
    return sheet


def fitted(file: Path) -> Image.Image:
    with Image.open(file) as picture:
        size = (WIDTH, round(WIDTH * picture.height / picture.width))
        return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    files = sorted(options.folder.glob("*.png"))
    sheet_of(files).save(options.output)
    print(f"{options.output}: {len(files)} pictures")


if __name__ == "__main__":
    main()
