"""Captions of worlds: many wordings, kept-back words that stay kept back, and a reader that understands them anyway."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from platewright.layout.worlds import ATTRIBUTES
from platewright.nets.draft_text import LINKING, STYLE, TextEncoder, spelled
from training import captions, phrases, wording
from training.unseen import PROMPTS
from training.vectors import TABLE

ENDINGS = ("ing", "ed", "es", "s", "y")


def stem(word: str) -> str:
    """A word without its plain ending."""
    return next((word[: -len(end)] for end in ENDINGS if word.endswith(end) and len(word) > len(end) + 2), word)


def words_of(table: phrases.Table) -> set[str]:
    """The words of a table that carry meaning."""
    found = {word for values in table.values() for texts in values.values() for text in texts for word in spelled(text)}
    return found - LINKING


def trained_words() -> set[str]:
    """All words that a training caption can hold."""
    twofold = {"": {"": tuple(text for _, texts in phrases.TWOFOLD for text in texts)}}
    others = {"": {"": (*phrases.NEUTRAL, *phrases.PLAIN)}}
    return words_of(phrases.TRAINED) | words_of(twofold) | words_of(others)


def leaks(kept_back: set[str], trained: set[str]) -> set[str]:
    """Kept-back words whose stem training shows."""
    return {word for word in kept_back if stem(word) in {stem(known) for known in trained}}


def test_captions_speak_of_what_worlds_have() -> None:
    assert {name: tuple(values) for name, values in ATTRIBUTES.items()} == captions.ATTRIBUTES
    assert {name: tuple(values) for name, values in phrases.HELD_OUT.items()} == captions.ATTRIBUTES


def test_each_kept_back_phrase_has_a_word_that_training_never_shows() -> None:
    trained = trained_words()
    for values in phrases.HELD_OUT.values():
        for texts in values.values():
            for text in texts:
                strange = {word for word in spelled(text) if word not in LINKING and word not in trained}
                assert strange and not leaks(strange, trained), text


def test_a_leak_would_be_found() -> None:
    assert leaks({"deserted", "crags"}, {"desert"}) == {"deserted"}


def test_the_table_has_nearly_every_word_of_the_captions() -> None:
    known = wording.blank().dictionary()
    assert trained_words() - known.keys() <= {"cloudlet", "s", "66"}
    assert words_of(phrases.HELD_OUT) <= known.keys()


def test_a_caption_leaves_things_out_and_says_what_it_claims() -> None:
    generator = torch.Generator().manual_seed(0)
    values = {"terrain": "lake", "time": "night", "sky": "clear", "weather": "fog"}
    made = [captions.wording(values, generator) for _ in range(400)]
    assert len({text for text, _ in made}) > 300
    for name in ATTRIBUTES:
        share = sum(name in said for _, said in made) / len(made)
        assert 0.4 < share < 0.99, name
    assert all(said and said.items() <= values.items() for _, said in made)


def test_captions_come_from_the_generator_alone() -> None:
    kinds = torch.tensor([3, 0, 1, 4])
    texts = [captions.caption(kinds, torch.Generator().manual_seed(seed)) for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


def test_a_held_out_caption_says_everything_in_kept_back_words() -> None:
    text = captions.caption([2, 2, 0, 4], torch.Generator().manual_seed(1), held_out=True)
    kept_back = phrases.HELD_OUT
    for name, value in (("terrain", "plains"), ("time", "dusk"), ("sky", "clear"), ("weather", "snowfall")):
        assert any(phrase in text for phrase in kept_back[name][value]), name


def test_the_table_says_where_it_comes_from_and_is_small() -> None:
    with safe_open(TABLE, "numpy") as file:
        said = file.metadata()
    assert "PDDL" in said["vectors_licence"] and "MIT" in said["source_licence"]
    assert "Princeton" in said["dictionary_licence"] and TABLE.stat().st_size < 2_500_000


def test_unseen_prompts_mean_things_that_worlds_have() -> None:
    for text, told in PROMPTS:
        assert told and all(meant <= set(ATTRIBUTES[name]) for name, meant in told.items()), text


# What the reader makes of words it never met -------------------------------------------------------


@pytest.fixture(scope="module")
def reader() -> TextEncoder:
    """Trained as the shipped one is, for fewer steps."""
    return wording.trained(steps=400)


@pytest.mark.slow
@pytest.mark.parametrize("shares", [wording.held_out_shares, wording.prompt_shares])
def test_unseen_words_are_read_far_above_chance(reader: TextEncoder, shares: object) -> None:
    assert callable(shares)
    found = shares(reader)
    assert found["terrain"] > 0.65 and min(found.values()) > 0.55, found
    blind = shares(wording.blank().eval())
    assert max(blind.values()) < 0.4, blind


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "meant"),
    [
        ("mountains, no clouds", {"terrain": "mountains", "sky": "clear"}),
        ("a beach, no fog", {"terrain": "coast", "weather": "none"}),
        ("a forest without rain", {"terrain": "forest", "weather": "none"}),
        ("a lake in the fog", {"terrain": "lake", "weather": "fog"}),
        ("clouds over the lake", {"terrain": "lake", "sky": "clouded"}),
    ],
)
def test_what_is_denied_is_not_what_is_said(reader: TextEncoder, prompt: str, meant: dict[str, str]) -> None:
    assert reader.understood(reader.read([prompt])[0]).items() >= meant.items()


@pytest.mark.slow
def test_what_has_no_place_in_a_picture_is_told(reader: TextEncoder) -> None:
    assert reader.left_out("A spaceship over the desert at noon") == ["spaceship"]
    spellings = {index: word for word, index in reader.dictionary().items()}
    strange = [spellings[index] for index in wording.strange_words(reader)[::20]]
    strange = [word for word in strange if word not in LINKING | STYLE]
    told = [word for word in strange if reader.left_out(f"a {word} in the desert at noon") == [word]]
    assert len(told) > 0.6 * len(strange) > 50
    assert reader.left_out("a foggy lake at night, mountains under clouds, rain on the street") == []


@pytest.mark.slow
def test_a_reader_is_kept_and_found_again(reader: TextEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wording, "trained", lambda: reader)
    made = wording.learned(tmp_path / "run" / "text.safetensors")
    monkeypatch.setattr(wording, "trained", None)  # found again, not trained again
    again = wording.learned(tmp_path / "run" / "text.safetensors")
    assert torch.equal(made.read(["a foggy lake"]), again.read(["a foggy lake"]))
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["text.safetensors"]
