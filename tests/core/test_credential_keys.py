"""Keys: made here or a studio's own, told nowhere, refused where they will not do; signing as a stage of a job."""

from __future__ import annotations

import io
import json
import os
import shutil
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import c2pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from platewright import account, cli, credentials, provenance
from platewright.credentials import keys
from platewright.errors import PlatewrightError, RequestError
from tests.core.plate_maker import NAME, job_for, make
from tests.core.shots import shot


@pytest.fixture(autouse=True)
def settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person without a key."""
    folder = tmp_path_factory.mktemp("settings") / "platewright"
    monkeypatch.setenv("PLATEWRIGHT_SETTINGS", str(folder))
    return folder


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("plates")
    return {suffix: make(job_for(out / suffix, frame_format=suffix)) for suffix in ("exr", "png")}


def codes(plate: Path) -> list[str]:
    return [problem["code"] for problem in account.give(plate)["problems"]]


# Keys --------------------------------------------------------------------------------------------


def test_a_key_made_here_is_closed_and_never_overwritten(settings: Path) -> None:
    made = keys.new_key("Mara Example", "hash")
    assert made.is_self_made and keys.chosen() == made
    if os.name != "nt":
        assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
        assert stat.S_IMODE(made.key.parent.stat().st_mode) == 0o700
    before = made.key.read_bytes()
    with pytest.raises(RequestError, match="E_KEY_EXISTS"):
        keys.new_key("Another", "hash")
    assert made.key.read_bytes() == before and settings in made.key.parents
    assert "PRIVATE" not in made.chain.read_text() and "Mara Example" in repr(keys.opened(made))


def test_the_key_is_told_nowhere(pristine: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Not by any verb, not in any file of the plate; the check sees a line of it that is planted."""
    plate = Path(shutil.copytree(pristine["png"], tmp_path / f"{NAME}_v001"))
    new_key = ["credentials", "new-key", "--name", "Mara"]
    verbs = (new_key, ["credentials"], ["sign", str(plate)], ["verify", str(plate)])
    for words in verbs:
        assert cli.main(words) == 0 and cli.main([*words, "--json"]) in (0, 2)
    told = "".join(capfd.readouterr())
    body = [line for line in keys.needed().key.read_text().splitlines() if "-----" not in line]
    secrets = [line.encode() for line in body]
    files = {path.name: path.read_bytes() for path in plate.iterdir()}
    assert "valid, not trusted" in told and "PRIVATE KEY" not in told
    assert not any(secret in data for secret in secrets for data in (told.encode(), *files.values()))
    assert any(secret in files["plate.json"] + secrets[0] for secret in secrets)


def studio_key(folder: Path, key: Any, seconds: int = 86400, password: bytes | None = None) -> tuple[Path, Path]:
    """A studio's own key and chain, as its certificate authority would hand them out."""
    root = ec.generate_private_key(ec.SECP256R1())
    issuer = keys._certificate("Studio CA", "Studio CA", root.public_key(), root, 10 * keys.YEAR, is_root=True)
    leaf = keys._certificate("Studio", "Studio CA", key.public_key(), root, timedelta(seconds=seconds), is_root=False)
    pem = serialization.Encoding.PEM
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    paths = folder / "studio.key", folder / "studio.pem"
    paths[0].write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, lock))
    paths[0].chmod(0o600)
    paths[1].write_bytes(leaf.public_bytes(pem) + issuer.public_bytes(pem))
    return paths


KINDS: list[Callable[[], Any]] = [
    lambda: ec.generate_private_key(ec.SECP256R1()),
    lambda: ec.generate_private_key(ec.SECP384R1()),
    lambda: rsa.generate_private_key(65537, 2048),
    ed25519.Ed25519PrivateKey.generate,
]


@pytest.mark.parametrize("kind", KINDS, ids=["es256", "es384", "ps256", "ed25519"])
def test_a_studio_signs_with_its_own_key(pristine: dict[str, Path], tmp_path: Path, kind: Callable[[], Any]) -> None:
    key, chain = studio_key(tmp_path, kind())
    plate = Path(shutil.copytree(pristine["exr"], tmp_path / f"{NAME}_v001"))
    found = keys.use(key, chain, "hash")
    answer = credentials.sign(plate, found)
    assert (answer["signer"], answer["is_self_made"]) == ("Studio", False) and codes(plate) == []
    assert not list(keys.folder().glob("*.key")) and not (keys.folder() / "key.pem").exists(), "it stays where it is"
    root = "-----BEGIN" + chain.read_text().split("-----BEGIN")[-1]
    assert account.give(plate, root)["credentials"]["plate.json"]["state"] == "trusted"


def test_keys_that_will_not_do(tmp_path: Path, pristine: dict[str, Path]) -> None:
    def refused(key: Path, chain: Path, code: str) -> None:
        with pytest.raises(RequestError) as error:
            keys.use(key, chain, "hash")
        assert error.value.code == code and error.value.hint and keys.chosen() is None

    good, chain = studio_key(tmp_path, KINDS[0]())
    (other := tmp_path / "other").mkdir()
    refused(studio_key(other, KINDS[0]())[0], chain, "E_KEY_CHAIN")
    refused(*studio_key(other, KINDS[0](), seconds=60), "E_KEY_EXPIRED")
    refused(*studio_key(other, KINDS[0](), password=b"secret"), "E_KEY_LOCKED")
    refused(*studio_key(other, rsa.generate_private_key(65537, 1024)), "E_KEY_KIND")
    refused(tmp_path / "nowhere.pem", chain, "E_KEY_READ")
    refused(chain, chain, "E_KEY_OPEN") if os.name != "nt" else None
    chain.chmod(0o600)
    refused(chain, chain, "E_KEY_READ")
    refused(good, good, "E_KEY_READ")
    if os.name != "nt":
        good.chmod(0o640)
        refused(good, chain, "E_KEY_OPEN")
    with pytest.raises(PlatewrightError, match="E_KEY_NONE"):
        credentials.refuse_unsignable(True)
    credentials.refuse_unsignable(None)
    assert cli.main(["sign", str(pristine["exr"])]) == 2


# A stage of the job ------------------------------------------------------------------------------


def generate(folder: Path, *words: str) -> int:
    shot(frames=2).write(folder / "camera.json")
    out = ["--out", str(folder), "--format", "png", "--name", "sh", "--no-check"]
    return cli.main(["generate", "--camera", str(folder / "camera.json"), "--model", "grid", *out, *words])


def test_a_job_signs_where_a_key_was_chosen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert generate(tmp_path) == 0 and not (tmp_path / "sh_v001" / "plate.c2pa").exists()
    assert generate(tmp_path, "--sign") == 2 and not (tmp_path / "sh_v002").exists(), "refused before any work"
    keys.new_key("Mara Example", "hash")
    capsys.readouterr()
    assert generate(tmp_path) == 0 and "signing: Content Credentials" in capsys.readouterr().err
    assert codes(tmp_path / "sh_v002") == []
    with c2pa.Reader("image/png", io.BytesIO((tmp_path / "sh_v002" / "sh_v002.1001.png").read_bytes())) as reader:
        store = json.loads(reader.json())
    told = store["manifests"][store["active_manifest"]]["assertions"]
    action = next(entry for entry in told if entry["label"] == "c2pa.actions.v2")["data"]["actions"][0]
    assert action["digitalSourceType"].endswith("/algorithmicMedia"), "a grid is drawn by rule"
    assert generate(tmp_path, "--no-sign") == 0 and not (tmp_path / "sh_v003" / "plate.c2pa").exists()


def test_a_failure_to_sign_loses_no_plate(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keys.new_key("Mara Example", "hash").chain.write_text("nonsense")
    assert generate(tmp_path, "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert any(warning.startswith("W_UNSIGNED") for warning in answer["warnings"])
    assert provenance.verify(tmp_path / "sh_v001").is_sound and not (tmp_path / "sh_v001" / "plate.c2pa").exists()
