"""The Debian base of every image: pulled, or made with debootstrap where no registry answers."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker.errors

from pipeline.records import UserError
from sandboxes import engine

REPOSITORY = "forkeval/debian"
_PULL_SECONDS = 60
_SAY_HOW = (
    "make a container registry reachable, or run once as root on Debian with debootstrap installed"
)
# Of the host's apt settings, those that say how to reach its package sources.
_APT_KEYS = (
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
    "Acquire::Retries",
)
# Of the host's npm settings, the same; never a token.
_NPM_KEYS = ("registry", "proxy", "https-proxy", "cafile")


def _lines(*command: str) -> list[str]:
    """The command's output lines; none where it is not there or fails."""
    if shutil.which(command[0]) is None:
        return []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.splitlines() if done.returncode == 0 else []


def _release_of_host() -> str | None:
    """The Debian release that runs here; None where it is not Debian."""
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return None
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    return values.get("VERSION_CODENAME") if values.get("ID") == "debian" else None


def _mirrors() -> tuple[str | None, str | None]:
    """The host's Debian archive and security archive, from its apt sources; None for neither."""
    host = _release_of_host()
    archive = security = None
    targets = _lines(
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE) $(COMPONENT)",
        "Created-By: Packages",
    )
    for target in targets:
        uri, release, component = target.split()
        if host is None or component != "main":
            continue
        if release in (host, "stable"):
            archive = archive or uri
        elif release in (f"{host}-security", "stable-security"):
            security = security or uri
    return archive, security


def host_files(release: str) -> Mapping[str, bytes]:
    """Files for /etc of the image, so that it installs packages from where the host does."""
    return _apt_files(release) | _npm_files()


def _apt_files(release: str) -> dict[str, bytes]:
    """On a host that is not Debian there is nothing but a note: the image's own sources stay."""
    archive, security = _mirrors()
    settings = [
        line
        for line in _lines("apt-config", "dump")
        if line.startswith(tuple(key + " " for key in _APT_KEYS)) and not line.endswith(' "";')
    ]
    files = {"apt.conf.d/90forkeval": "\n".join(["# taken from the host", *settings, ""])}
    if archive:
        stanzas = [_stanza(archive, f"{release} {release}-updates")]
        if security:
            stanzas.append(_stanza(security, f"{release}-security"))
        files["sources.list"] = "# see sources.list.d/debian.sources\n"
        files["sources.list.d/debian.sources"] = "\n".join(stanzas)
    return {f"apt/{name}": text.encode() for name, text in files.items()}


def _npm_files() -> dict[str, bytes]:
    """The host's npm registry, proxies and certificates; npm's own defaults where it has none."""
    found = {key: "".join(_lines("npm", "config", "get", key)) for key in _NPM_KEYS}
    settings = {key: value for key, value in found.items() if value not in ("", "null")}
    files = {}
    bundle = Path(settings.pop("cafile", ""))
    if bundle.is_file():
        settings["cafile"] = "/etc/forkeval/npm-certificates.crt"
        files["forkeval/npm-certificates.crt"] = bundle.read_bytes()
    lines = [f"{key}={value}" for key, value in settings.items()]
    files["forkeval/npmrc"] = "\n".join(["; taken from the host", *lines, ""]).encode()
    return files


def _stanza(uri: str, suites: str) -> str:
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    return f"Types: deb\nURIs: {uri}\nSuites: {suites}\nComponents: main\nSigned-By: {keys}\n"


def ensure(client: Any, release: str) -> str:
    """The reference of the Debian base image of a release, made if it is not there."""
    reference = f"{REPOSITORY}:{release}"
    with engine.speaking(client, f"looking for {reference}"):
        if client.images.list(name=reference):
            return reference
        if _pull(client, release):
            return reference
    _debootstrap(client, release)
    return reference


def _pull(client: Any, release: str) -> bool:
    """Pulls Debian's own image. False where no registry answers, or the image is not there."""
    try:
        # A registry that swallows packets must not hold the build up for long.
        client.api.timeout, before = _PULL_SECONDS, client.api.timeout
        try:
            client.images.pull("debian", tag=f"{release}-slim").tag(REPOSITORY, tag=release)
        finally:
            client.api.timeout = before
    except (docker.errors.DockerException, *engine.GONE):
        if not engine.answers(client):
            raise
        return False
    return True


def _debootstrap(client: Any, release: str) -> None:
    archive, _ = _mirrors()
    if shutil.which("debootstrap") is None or os.getuid() != 0 or archive is None:
        raise UserError(f"no base image for Debian {release}: {_SAY_HOW}")
    with tempfile.TemporaryDirectory(prefix="forkeval-debootstrap-") as folder:
        target = str(Path(folder) / "root")
        command = ["debootstrap", "--variant=minbase"]
        if archive.startswith("https:"):
            command.append("--include=ca-certificates")
        made = subprocess.run(
            [*command, release, target, archive], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            said = (made.stdout + made.stderr).strip().splitlines() or ["no output"]
            raise UserError(f"debootstrap of Debian {release} failed: {said[-1]}")
        shutil.rmtree(Path(target, "var/cache/apt/archives"), ignore_errors=True)
        shutil.rmtree(Path(target, "var/lib/apt/lists"), ignore_errors=True)
        Path(target, "var/cache/apt/archives/partial").mkdir(parents=True)
        Path(target, "var/lib/apt/lists/partial").mkdir(parents=True)
        _keep_certificates(target, archive)
        tar = subprocess.Popen(["tar", "-C", target, "-c", "."], stdout=subprocess.PIPE)
        with tar, engine.speaking(client, f"importing the Debian {release} base"):
            client.api.import_image_from_stream(tar.stdout, repository=REPOSITORY, tag=release)
        if tar.returncode != 0:
            raise UserError(f"packing the Debian {release} base failed: is the disk full?")


def _keep_certificates(target: str, archive: str) -> None:
    """An https mirror may be signed by an authority that only this host trusts."""
    bundle = Path("/etc/ssl/certs/ca-certificates.crt")
    if archive.startswith("https:") and bundle.exists():
        shutil.copy(bundle, Path(target, "etc/ssl/certs/ca-certificates.crt"))
