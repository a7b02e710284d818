"""Whose key signs: a chain made here by one command, or a studio's own, named by path.

    <settings folder>/credentials/      nobody else may look into it
        credentials.json                which key and chain, by path, and what is told of prompts
        key.pem                         of a chain made here: mode 0600, in the clear
        chain.pem                       its certificate and the root's; both may be handed out

A private key is read where it lies, when something is signed. It is never copied, told or logged. The root's key of a
chain made here is thrown away as soon as it has signed one certificate: nothing else can ever be signed with it.

Errors  RequestError E_KEY_NONE, E_KEY_EXISTS, E_KEY_READ, E_KEY_OPEN, E_KEY_LOCKED, E_KEY_KIND, E_KEY_CHAIN,
        E_KEY_EXPIRED, E_NO_C2PA; PlateError of `disk.publish`
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from .. import disk
from ..errors import RequestError
from ..settings_folder import settings_folder

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Prompts = Literal["hash", "text"]

FORMAT, VERSION = "platewright.credentials", 1
SETTINGS, KEY, CHAIN = "credentials.json", "key.pem", "chain.pem"
SELF_MADE = "Platewright, self-made"               # the organisation that a chain made here names
YEAR = timedelta(days=365)
INSTALL = f"pip install c2pa-python==0.38.{0 if sys.platform == 'win32' else 1}"          # no wheel of the newer one
_NEW = "Make one with `platewright credentials new-key`, or name yours with `platewright credentials use`."


@dataclass(frozen=True, slots=True)
class Credentials:
    """Which key signs; the key itself is not in it."""

    key: Path
    chain: Path                                    # PEM: the key's certificate first, then whoever signed it
    prompts: Prompts = "hash"                      # what a claim tells of a prompt

    @property
    def is_self_made(self) -> bool:
        return self.key.parent == folder()


@dataclass(frozen=True, slots=True)
class Signature:
    """A key opened to sign with."""

    algorithm: str                                 # as C2PA calls it: es256 ...
    chain_pem: bytes
    certificate: x509.Certificate
    key: PrivateKeyTypes

    def key_pem(self) -> bytes:
        """PKCS 8, for the library that signs; it goes nowhere else."""
        from cryptography.hazmat.primitives import serialization

        plain = serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)

    def certificate_told(self) -> dict[str, str]:
        """Whom the certificate names, which it is, and until when it holds."""
        from cryptography import x509
        from cryptography.hazmat.primitives.hashes import SHA256

        names = self.certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        return {
            "signer": str(names[0].value) if names else self.certificate.subject.rfc4514_string(),
            "certificate_sha256": self.certificate.fingerprint(SHA256()).hex(),
            "valid_until": f"{self.certificate.not_valid_after_utc:%Y-%m-%d}",
        }

    def __repr__(self) -> str:
        return f"Signature({self.algorithm}, {self.certificate.subject.rfc4514_string()})"


def folder() -> Path:
    """Where this person's choice of a key is kept."""
    return settings_folder() / "credentials"


def chosen() -> Credentials | None:
    """The key that signs on this machine; None where nobody has chosen one. RequestError E_KEY_READ."""
    home = folder()
    if not (home / SETTINGS).is_file():
        return None
    try:
        told = disk.read_json(home / SETTINGS)
        if (told["format"], told["version"]) != (FORMAT, VERSION) or told["prompts"] not in ("hash", "text"):
            raise ValueError("it is of another version")
        return Credentials(home / str(told["key"]), home / str(told["chain"]), told["prompts"])
    except (OSError, ValueError, KeyError) as error:
        why = f"{home / SETTINGS} cannot be used: {error}."
        raise RequestError("E_KEY_READ", why, "Choose the key again with `platewright credentials use`.") from None


def needed() -> Credentials:
    """The same; RequestError E_KEY_NONE."""
    if (found := chosen()) is None:
        raise RequestError("E_KEY_NONE", "There is no key to sign with.", _NEW)
    return found


def use(key: Path, chain: Path, prompts: Prompts) -> Credentials:
    """Sign with a studio's key from now on: its path is remembered, nothing else. Errors of `opened`."""
    credentials = Credentials(key.expanduser().resolve(), chain.expanduser().resolve(), prompts)
    opened(credentials)
    _remember(credentials)
    return credentials


def _remember(credentials: Credentials) -> None:
    told = {"key": str(credentials.key), "chain": str(credentials.chain), "prompts": credentials.prompts}
    home = folder()
    with disk.refusing(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    disk.write_json(home / SETTINGS, {"format": FORMAT, "version": VERSION, **told}, is_durable=True)


# A chain of our own ------------------------------------------------------------------------------


def new_key(name: str, prompts: Prompts) -> Credentials:
    """Make a key, its certificate for a year, and the root that signed it; sign with it from now on.

    name   whom the certificate names; it travels with every plate
    """
    home = folder()
    if (home / KEY).exists():
        why = f"There is a key already: {home / KEY}."
        raise RequestError("E_KEY_EXISTS", why, "Keep it, or move that folder away first: a key is never overwritten.")
    key_pem, chain_pem = _made(name)
    with disk.refusing(home):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(home / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key_pem)
    disk.write_bytes(home / CHAIN, chain_pem)
    credentials = Credentials(home / KEY, home / CHAIN, prompts)
    _remember(credentials)
    return credentials


def _made(name: str) -> tuple[bytes, bytes]:
    """A key and its chain, PEM, of the profile that C2PA asks for (specification 2.2, section 14.5)."""
    serialization, ec = _library("serialization"), _library("asymmetric.ec")
    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = _certificate(f"{name} (root)", f"{name} (root)", root_key.public_key(), root_key, 10 * YEAR, is_root=True)
    leaf = _certificate(name, f"{name} (root)", key.public_key(), root_key, YEAR, is_root=False)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    chain = leaf.public_bytes(pem) + root.public_bytes(pem)
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain), chain


def _certificate(name: str, issuer: str, public: Any, signer: Any, lasts: timedelta, is_root: bool) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.now(UTC) - timedelta(minutes=5)          # clocks differ
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
    wanted = {"key_cert_sign", "crl_sign"} if is_root else {"digital_signature"}
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + lasts)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=0 if is_root else None), critical=True)
        .add_extension(_usage(wanted), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if not is_root:
        builder = builder.add_extension(purpose, critical=False).add_extension(authority, critical=False)
    return builder.sign(signer, hashes.SHA256())


def _usage(wanted: set[str]) -> x509.KeyUsage:
    from cryptography import x509

    names = (
        "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
        "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: name in wanted for name in names})


def _name(common: str) -> x509.Name:
    from cryptography import x509

    fields = ((x509.NameOID.COMMON_NAME, common[:64]), (x509.NameOID.ORGANIZATION_NAME, SELF_MADE))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in fields])


# Opening -----------------------------------------------------------------------------------------


def opened(credentials: Credentials) -> Signature:
    """The key to sign with, if it is one, nobody else can read it, and its certificate is its own and still holds."""
    serialization = _library("serialization")
    from cryptography import x509

    key_pem, chain_pem = _read(credentials.key), _read(credentials.chain)
    _refuse_shared(credentials.key)
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except TypeError:
        hint = "Give a key file without a passphrase, readable by you alone."
        raise RequestError("E_KEY_LOCKED", f"{credentials.key.name} is locked with a passphrase.", hint) from None
    except ValueError:
        raise _no("E_KEY_READ", f"{credentials.key.name} holds no private key in PEM form.") from None
    try:
        certificate = x509.load_pem_x509_certificates(chain_pem)[0]
    except (ValueError, IndexError):
        raise _no("E_KEY_READ", f"{credentials.chain.name} holds no certificates in PEM form.") from None
    spki = serialization.PublicFormat.SubjectPublicKeyInfo
    publics = (key.public_key(), certificate.public_key())
    if len({public.public_bytes(serialization.Encoding.DER, spki) for public in publics}) > 1:
        why = f"The first certificate of {credentials.chain.name} is not that of {credentials.key.name}."
        raise _no("E_KEY_CHAIN", why)
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= datetime.now(UTC) <= last:
        raise _no("E_KEY_EXPIRED", f"The certificate is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d} alone.")
    return Signature(_algorithm(key), chain_pem, certificate, key)


def _no(code: str, why: str) -> RequestError:
    return RequestError(code, why, "Name another with `platewright credentials use KEY.pem CHAIN.pem`.")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise _no("E_KEY_READ", f"{path} cannot be read: {error.strerror}.") from None


def _refuse_shared(key: Path) -> None:
    """RequestError E_KEY_OPEN for a key that others on this machine can read."""
    if os.name != "nt" and key.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise RequestError("E_KEY_OPEN", f"Others can read the key {key}.", f"Close it: chmod 600 {key.name}")


def _algorithm(key: Any) -> str:
    ec, ed25519, rsa = (_library(f"asymmetric.{name}") for name in ("ec", "ed25519", "rsa"))
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in (names := {
        "secp256r1": "es256", "secp384r1": "es384", "secp521r1": "es512",
    }):  # fmt: skip
        return names[key.curve.name]
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "ps256"
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "ed25519"
    raise _no("E_KEY_KIND", "The key is of a kind that Content Credentials are not signed with.")


def _library(name: str) -> Any:
    """A part of cryptography, which only those need who sign; RequestError E_NO_C2PA."""
    from importlib import import_module

    try:
        return import_module(f"cryptography.hazmat.primitives.{name}")
    except ImportError:
        why = "The libraries that sign are not installed here."
        raise RequestError("E_NO_C2PA", why, f"Install them: {INSTALL}") from None
