"""What reaches the parent is built from what a candidate wrote: whatever it is, no exception but
the one that means a broken sandbox, and never a pass without the nonce."""

from __future__ import annotations

import dataclasses
import io
import random
import re
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.records import VERDICTS
from sandboxes import languages
from sandboxes.assembly import Case
from sandboxes.protocol import Answer, ProtocolError, message, read_message
from sandboxes.verdicts import judge

NONCE = "0123456789abcdef" * 2
STATUS = (
    b"stage=run\nexit=0\nsignal=0\nexec_error=0\ntimeout_cpu=0\ntimeout_wall=0\noutput_limit=0\n"
    b"oom_kills=0\nservice_died=0\nclean=1\ncompile_us=0\ncpu_us=5\nwall_us=5\npeak_memory=4096\n"
    b"program_exit=-1\nprogram_signal=0\n"
)
NAMES = list(languages.load())
# Bytes with a bias to what a report, a status and a frame are made of.
PIECES = st.sampled_from(
    [b"completed", b"raised", b"compile", b" ", b"0", b"\n", b"\r", b"\0", b"=", b"exit=0\n",
     b"0" * 32, NONCE[:-1].encode(), NONCE.upper().encode(), b"\xff\xfe", b".", b"s", b"t",
     b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"AssertionError: ", b"99999999999999999999"]
)  # fmt: skip
NOISE = st.lists(st.one_of(PIECES, st.binary(max_size=20)), max_size=12).map(b"".join)


def _read(data: bytes) -> dict[bytes, bytes]:
    stream = io.BytesIO(data)

    def read(size: int) -> bytes:
        found = stream.read(size)
        if len(found) < size:
            raise ProtocolError("the stream ended")
        return found

    return read_message(read)


def _decode(data: bytes) -> Answer | None:
    try:
        return Answer.decode(_read(data))
    except ProtocolError:
        return None


@given(NOISE)
def test_a_broken_stream_is_a_protocol_error_or_an_answer(noise: bytes) -> None:
    assert _decode(noise) is None


@settings(max_examples=300)
@given(status=NOISE, out=NOISE, err=NOISE, report=NOISE)
def test_any_status_is_an_answer_or_a_protocol_error(
    status: bytes, out: bytes, err: bytes, report: bytes
) -> None:
    for text in (status, STATUS + status, status + STATUS):
        _decode(message([(b"s", text), (b"o", out), (b"e", err), (b"t", report)]))


@settings(max_examples=300)
@given(at=st.integers(0, len(STATUS) - 1), value=st.integers(0, 255), cut=st.integers(0, 400))
def test_a_changed_or_cut_message_is_an_answer_or_a_protocol_error(
    at: int, value: int, cut: int
) -> None:
    status = STATUS[:at] + bytes([value]) + STATUS[at + 1 :]
    whole = message([(b"s", status), (b"o", b""), (b"e", b""), (b"t", b"")])
    found = _decode(whole)
    assert found is None or found.report == b""
    _decode(whole[:cut])


@settings(max_examples=500)
@given(
    report=NOISE, out=NOISE, err=NOISE, language=st.sampled_from(NAMES),
    exit_code=st.sampled_from([0, 0, 1, None]), signal=st.sampled_from([0, 0, 6, 9, 11]),
    stage=st.sampled_from(["run", "run", "compile"]), line=st.integers(0, 50),
)  # fmt: skip
def test_judging_noise_is_a_verdict_and_no_pass(
    report: bytes, out: bytes, err: bytes, language: str, exit_code: int | None, signal: int,
    stage: str, line: int,
) -> None:  # fmt: skip
    base = _decode(message([(b"s", STATUS), (b"o", out), (b"e", err), (b"t", report)]))
    assert base is not None
    answer = dataclasses.replace(base, exit_code=exit_code, signal=signal, stage=stage)
    found = judge(answer, NONCE, line, Case(), languages.get(language))
    assert found.verdict in VERDICTS
    assert found.verdict != "passed"
    assert found.verdict == "forged" or not report


@settings(max_examples=300)
@given(
    how=st.sampled_from(["raised", "compile"]), line=st.integers(0, 10**30),
    language=st.sampled_from(NAMES),
    what=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200),
    extra=st.one_of(st.just(b""), NOISE),
)  # fmt: skip
def test_the_launchers_own_line_with_hostile_text(
    how: str, line: int, language: str, what: str, extra: bytes
) -> None:
    """The type and message of an exception are the candidate's words."""
    report = f"{NONCE} {how} {line} {what}\n".encode() + extra
    answer = _decode(message([(b"s", STATUS), (b"o", b""), (b"e", b""), (b"t", report)]))
    assert answer is not None
    found = judge(
        dataclasses.replace(answer, exit_code=1), NONCE, 3, Case(), languages.get(language)
    )
    assert found.verdict != "passed"
    assert (found.verdict == "forged") == bool(extra)


def test_patterns_of_every_language_take_linear_time_on_long_text() -> None:
    """A pattern that backtracks would let an exception's message hold up the parent."""
    draw = random.Random(3)
    texts = ["java.lang." * 2000, "a" * 20000, "Error: " * 3000, " " * 20000 + "x"]
    texts.append("".join(draw.choice("aE:. \t$x") for _ in range(20000)))
    started = time.process_time()
    for language in languages.load().values():
        crash = language.out_of_memory_signal
        patterns = [*language.wrong_answer, *language.out_of_memory]
        for pattern in patterns + ([crash.stderr] if crash else []):
            for text in texts:
                re.search(pattern, text)
    assert time.process_time() - started < 5
