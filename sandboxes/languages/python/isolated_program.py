"""The program's side of the evidence `isolated`: runs prompt and completion, then answers calls.

Nothing here is trusted, for it shares its process with the program: what it says is checked by the
judge. A request is ``[id, function, arguments, named arguments, nodes]``; an answer carries its id.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import isolated_codec as codec  # type: ignore[import-not-found]  # beside this in the image
import isolated_talk as talk  # type: ignore[import-not-found]

JUDGE = 3  # the descriptor that leads to it


def _line(error: BaseException, path: str) -> int:
    """Of the innermost frame in the program's file; 0 for none."""
    line = 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno or 0
        trace = trace.tb_next
    return line


def _raised(error: BaseException, path: str) -> list[Any]:
    """``[type names, message, line]``, the type's own name first."""
    names = [kind.__name__ for kind in type(error).__mro__[:-1]]
    try:
        message = str(error)[:2000]
    except Exception:
        message = ""
    line = _line(error, path)
    if isinstance(error, SyntaxError) and error.filename == path and not line:
        line = error.lineno or 0
    return [names, message, line]


def _leave(error: SystemExit) -> None:
    """As the interpreter does at `exit()`."""
    status = error.code
    if status is None:
        status = 0
    elif not isinstance(status, int):
        print(status, file=sys.stderr)
        status = 1
    sys.stdout.flush()
    os._exit(status & 0xFF)


def _answer(request: Any, namespace: dict[str, Any], path: str) -> list[Any]:
    number, name, positional, named, nodes = request
    reader = codec.Reader(nodes)
    arguments = reader.values(positional)
    keywords = dict(reader.pairs(named))
    outcome: list[Any]
    try:
        result = namespace[name](*arguments, **keywords)
        failure = None
    except SystemExit as error:
        _leave(error)
    except BaseException as error:
        failure = error
    writer = codec.Writer(reader.objects)
    try:
        if failure is None:
            outcome = ["value", writer.value(result)]
        else:
            outcome = ["raised", *_raised(failure, path), _arguments(writer, failure)]
        changes = writer.changes(nodes)
    except (codec.NotPlainError, RecursionError) as error:
        writer = codec.Writer(reader.objects)
        outcome, changes = ["raised", *_raised(error, path), []], []
    return [number, outcome, changes, writer.nodes]


def _arguments(writer: Any, error: BaseException) -> list[Any]:
    """What the exception was made with, where all of that is plain data."""
    trial = codec.Writer(writer.kept)
    try:
        trial.values(error.args)
    except (codec.NotPlainError, RecursionError):
        return [str(error)[:2000]]
    return writer.values(error.args)  # type: ignore[no-any-return]


def run(namespace: dict[str, Any], path: str, source: bytes) -> None:
    """Executes the program in `namespace` and serves its judge until that hangs up."""
    try:
        try:
            code = compile(source, path, "exec", dont_inherit=True)
        except Exception as error:
            talk.send(JUDGE, ["compile", *_raised(error, path)])
            os._exit(1)
        try:
            exec(code, namespace)
        except SystemExit as error:
            _leave(error)
        except BaseException as error:
            talk.send(JUDGE, ["raised", *_raised(error, path)])
            raise
        talk.send(JUDGE, ["ready"])
        while True:
            request = talk.receive(JUDGE)
            answer = _answer(request, namespace, path)
            sys.stdout.flush()  # there is no other time: the judge's end is the program's
            try:
                talk.send(JUDGE, answer)
            except codec.TooMuchError as error:
                talk.send(JUDGE, [answer[0], ["raised", *_raised(error, path), []], [], []])
    except talk.HungUpError:
        os._exit(0)
