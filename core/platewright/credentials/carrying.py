"""Claims in and out of files, by the library of the Content Authenticity Initiative; loaded when it is asked for.

Nothing is fetched: no manifest from elsewhere, no revocation list, no time stamp.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import PlateError, RequestError
from .claims import LABEL
from .keys import INSTALL, Signature

JSON = "application/json"
KINDS = {".png": "image/png", ".mp4": "video/mp4", ".json": JSON}
_SETTINGS = {
    "builder": {"thumbnail": {"enabled": False}},
    "verify": {"verify_after_sign": False, "remote_manifest_fetch": False, "ocsp_fetch": False},
}
_UNTRUSTED = "signingCredential.untrusted"
_EXPIRED = {"signingCredential.expired", "claimSignature.outsideValidity"}


@dataclass(frozen=True, slots=True)
class Told:
    """What a file's credentials say, and whether they hold."""

    state: str                                     # trusted, valid, expired, invalid
    signer: str = ""                               # whom the certificate names
    organisation: str = ""
    plate: dict[str, Any] = field(default_factory=dict[str, Any])          # our own assertion
    actions: tuple[dict[str, Any], ...] = ()
    faults: tuple[str, ...] = ()                   # C2PA's codes, without that nobody vouches for the signer

    @property
    def words(self) -> str:
        """The honest label."""
        return {
            "trusted": "valid, and signed by whom you trust",
            "valid": "valid, not trusted: nobody vouches for who holds the key",
            "expired": "valid but for its certificate, which has run out since",
        }.get(self.state, f"invalid ({', '.join(self.faults) or 'unreadable'})")


def library() -> Any:
    """c2pa; RequestError E_NO_C2PA."""
    try:
        import c2pa
    except ImportError:
        why = "The library for Content Credentials is not installed here."
        raise RequestError("E_NO_C2PA", why, f"Install it: {INSTALL}") from None
    return c2pa


def _context(anchors_pem: str = "") -> Any:
    c2pa = library()
    trust = {"trust": {"user_anchors": anchors_pem}} if anchors_pem else {}
    return c2pa.Context(c2pa.Settings.from_dict({**_SETTINGS, **trust}))


def embedded(data: bytes, suffix: str, claim: Mapping[str, Any], signature: Signature) -> bytes:
    """The file with the claim inside it, any older one replaced; PlateError E_SIGN."""
    return _signed(data, KINDS[suffix], claim, signature, is_detached=False)


def detached(data: bytes, claim: Mapping[str, Any], signature: Signature) -> bytes:
    """The claim about a JSON file, for a file of its own; PlateError E_SIGN."""
    return _signed(data, JSON, claim, signature, is_detached=True)


def _signed(data: bytes, kind: str, claim: Mapping[str, Any], signature: Signature, *, is_detached: bool) -> bytes:
    c2pa = library()
    target = io.BytesIO()
    try:
        with c2pa.Builder(dict(claim), _context()) as builder, _signer(signature) as signer:
            if is_detached:
                builder.set_no_embed()
            manifest = bytes(builder.sign(signer, kind, io.BytesIO(data), target))
    except c2pa.C2paError as error:
        why = f"The claim could not be signed: {str(error)[:200]}."
        raise PlateError("E_SIGN", why, "The plate is whole without it; sign it later: `platewright sign`.") from None
    return manifest if is_detached else target.getvalue()


def _signer(signature: Signature) -> Any:
    c2pa = library()
    algorithm = signature.algorithm.encode("ascii")
    return c2pa.Signer.from_info(c2pa.C2paSignerInfo(algorithm, signature.chain_pem, signature.key_pem(), None))


def read(path: Path, manifest: Path | None = None, anchors_pem: str = "") -> Told | None:
    """What the credentials of a file say, inside it or beside it; None where there are none.

    RequestError E_NO_C2PA; PlateError E_CREDENTIALS where a file cannot be read.
    """
    c2pa = library()
    try:
        data = path.read_bytes()
        beside = manifest.read_bytes() if manifest else None
    except OSError as error:
        raise PlateError("E_CREDENTIALS", f"{path.name} cannot be read: {error.strerror}.", "Fetch it again.") from None
    try:
        reader = c2pa.Reader(
            KINDS[path.suffix.lower()], io.BytesIO(data), manifest_data=beside, context=_context(anchors_pem)
        )
    except c2pa.C2paError.ManifestNotFound:
        return None
    except c2pa.C2paError as error:
        return Told("invalid", faults=(str(error)[:120],))
    with reader:
        return _told(str(reader.get_validation_state()).lower(), json.loads(reader.json()))


def _told(state: str, store: Mapping[str, Any]) -> Told:
    manifest = store["manifests"][store["active_manifest"]]
    assertions = {entry["label"]: entry["data"] for entry in manifest.get("assertions", ())}
    signer = manifest.get("signature_info") or {}
    results = (store.get("validation_results") or {}).get("activeManifest") or {}
    faults = tuple(entry["code"] for entry in results.get("failure", ()) if entry["code"] != _UNTRUSTED)
    return Told(
        state="expired" if faults and set(faults) <= _EXPIRED else state,
        signer=str(signer.get("common_name", "")),
        organisation=str(signer.get("issuer", "")),
        plate=dict(assertions.get(LABEL) or {}),
        actions=tuple((assertions.get("c2pa.actions.v2") or {}).get("actions", ())),
        faults=faults,
    )
