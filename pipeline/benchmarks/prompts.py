"""Few-shot headers: text put before every prompt, and left out of every program."""

from __future__ import annotations

from pathlib import Path

from pipeline.benchmarks import published
from pipeline.benchmarks.rows import read_bytes
from pipeline.config import BenchmarkConfig, Language
from pipeline.manifests import manifests
from pipeline.records import UserError, digest


def headers(config: BenchmarkConfig, languages: list[Language]) -> dict[Language, str]:
    """The header of each language, byte-exact; "" where none is configured.

    Raises UserError for a file that is not UTF-8, or that is to serve several languages.
    """
    if config.header is None:
        return dict.fromkeys(languages, "")
    if config.header == "published":
        return {name: published.published_header(config, name) for name in languages}
    if len(languages) > 1:
        raise UserError(
            f"header: {config.header} would precede prompts in {', '.join(languages)}: name one "
            "language under `languages`, or use `header: published`"
        )
    return dict.fromkeys(languages, _text(config.header))


def header_digest(config: BenchmarkConfig, language: str) -> str:
    """Digest of the configured header of a language."""
    if config.header is None:
        return ""
    if config.header == "published":
        return manifests()[config.name].headers[language].sha256
    return digest(_text(config.header))


def _text(path: Path) -> str:
    try:
        return read_bytes(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"header: {path} is not UTF-8 (byte {error.start})") from error
