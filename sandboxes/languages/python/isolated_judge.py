"""The judge's side of the evidence `isolated`: runs the test, and asks the program for results.

No line of the program runs in this process, so the nonce can be held in a variable. What the
program sends is checked and made into plain data (see isolated_codec.py); an exception that it
raised is raised here with the same name.
"""

from __future__ import annotations

import builtins
import os
import sys
import traceback
from typing import Any, NoReturn

import isolated_codec as codec  # type: ignore[import-not-found]  # beside this in the image
import isolated_talk as talk  # type: ignore[import-not-found]

NONCE, PROGRAM = 3, 4  # descriptors
_LINE = "__forkeval_line__"  # of an exception: where in the program it was raised


class Judge:
    """What a test calls in place of the program's function."""

    def __init__(self, entry: str) -> None:
        self._entry = entry
        self._nonce = os.read(NONCE, 64).decode("ascii")
        os.close(NONCE)

    def report(self, how: str, line: int, what: str) -> NoReturn:
        """Says how the test ended, and ends."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        plain = what.encode("ascii", "backslashreplace").decode("ascii").partition("\n")[0]
        printable = "".join(c if " " <= c <= "~" else "?" for c in plain)[:300]
        with open("/sandbox/done", "wb", 0) as done:
            done.write(f"{self._nonce} {how} {line} {printable}\n".encode("ascii"))
        os._exit(0 if how == "completed" else 1)

    def meet(self) -> None:
        """Waits until the program stands."""
        try:
            how, *more = self._receive()
            if how == "ready" and not more:
                return
            if how in ("compile", "raised"):
                names, message, line = more
                self.report(how, _count(line), f"{_text(names[0])}: {_text(message)}")
        except codec.ForgedError:
            raise
        except Exception as error:
            raise codec.ForgedError(f"a greeting: {error!r}") from error
        raise codec.ForgedError("a greeting of no known kind")

    def _receive(self) -> Any:
        try:
            return talk.receive(PROGRAM)
        except talk.HungUpError:
            self.report("gone", 0, "")

    def call(self, *arguments: Any, **named: Any) -> Any:
        """The program's result for these arguments, changed as the program changed them."""
        writer = codec.Writer(exact=True)
        try:
            positional = writer.values(arguments)
            keywords = [x for key, value in named.items() for x in (key, writer.value(value))]
            # Drawn anew, so that no answer can be written before its question.
            number = os.urandom(16).hex()
            talk.send(PROGRAM, [number, self._entry, positional, keywords, writer.nodes])
        except codec.NotPlainError as error:
            self.report("unfit", 0, f"an argument cannot be sent: {error}")
        except (codec.TooMuchError, RecursionError) as error:
            # It may hold results of the program, which must not have a say in what is asked for.
            self.report("raised", 1, f"{_name(error)}: an argument cannot be sent: {error}")
        except talk.HungUpError:
            self.report("gone", 0, "")
        try:
            answered, outcome, changes, nodes = self._receive()
            if answered != number:
                raise codec.ForgedError("an answer to no question")
            reader = codec.Reader(nodes, writer.kept)
            for changed, payload in changes:
                if type(changed) is not int or not 0 <= changed < len(writer.kept):
                    raise codec.ForgedError("a change of nothing")
                reader.fill(changed, payload)
            how, *more = outcome
            if how == "value":
                (value,) = more
                return reader.value(value)
            if how != "raised":
                raise codec.ForgedError("an answer of no known kind")
            raised = _exception(reader, *more)
        except codec.ForgedError:
            raise
        except Exception as failure:  # whatever it was that failed here: we never send it
            raise codec.ForgedError(f"{type(failure).__name__}: {failure}") from failure
        raise raised

    def guarded_call(self, *arguments: Any, **named: Any) -> Any:
        try:
            return self.call(*arguments, **named)
        except codec.ForgedError as error:
            self.report("forged", 0, str(error))

    def run(self, folder: str) -> NoReturn:
        """Runs the test of `folder` to its end."""
        prompt, test = (_read(folder, name) for name in ("prompt", "test"))
        main = type(sys)("__main__")
        main.__dict__.update(__annotations__={}, __builtins__=builtins, __file__=folder + "/test")
        sys.modules["__main__"] = main
        path = folder + "/test"
        try:
            code = compile(test, path, "exec", dont_inherit=True)
        except Exception as error:
            self.report("compile", getattr(error, "lineno", 0) or 0, f"{_name(error)}: {error}")
        try:
            self.meet()
        except codec.ForgedError as error:
            self.report("forged", 0, str(error))
        _run_prompt(prompt, self._entry, main.__dict__)
        stub = _named(self.guarded_call, main.__dict__.get(self._entry))
        main.__dict__[self._entry] = stub
        try:
            exec(code, main.__dict__)
        except SystemExit as error:
            sys.stdout.flush()
            os._exit(error.code & 0xFF if isinstance(error.code, int) else int(bool(error.code)))
        except BaseException as error:
            traceback.print_exc()
            self.report("raised", _line(error, path), f"{_name(error)}: {_message(error)}")
        self.report("completed", 0, "")


def _read(folder: str, name: str) -> str:
    with open(f"{folder}/{name}", encoding="utf-8") as file:
        return file.read()


def _run_prompt(prompt: str, entry: str, namespace: dict[str, Any]) -> None:
    """Helpers and imports that stand in the prompt, which tests may use. Where it ends inside a
    statement, what stands before the function asked for is run alone."""
    head, _, _ = prompt.rpartition(f"def {entry}")
    for text in (prompt, head):
        try:
            code = compile(text, "<prompt>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            continue
        exec(code, namespace)
        return


def _named(call: Any, model: Any) -> Any:
    """A function that calls `call`, looking like `model`."""

    def stub(*arguments: Any, **named: Any) -> Any:
        return call(*arguments, **named)

    for attribute in ("__name__", "__qualname__", "__doc__"):
        if hasattr(model, attribute):
            setattr(stub, attribute, getattr(model, attribute))
    return stub


def _name(error: BaseException) -> str:
    return type(error).__name__


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _line(error: BaseException, path: str) -> int:
    """Where it was raised: in the program, or on the test's lines."""
    line = getattr(error, _LINE, None)
    if line is not None:
        return int(line)
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno or 0
        trace = trace.tb_next
    return line


def _text(value: Any) -> str:
    if type(value) is not str:
        raise codec.ForgedError("no text where text is due")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 1 << 31:
        raise codec.ForgedError("no line where a line is due")
    return value


def _exception(reader: Any, names: Any, message: Any, line: Any, arguments: Any) -> BaseException:
    """What the program raised: of the built-in type of that name, or of a new one with the first
    built-in type that it derives from."""
    own, bases = _text(names[0])[:200], [getattr(builtins, _text(name), None) for name in names]
    base = next((k for k in bases if isinstance(k, type) and issubclass(k, Exception)), Exception)
    kind: Any = base if base.__name__ == own else type(own, (base,), {})
    values = reader.values(arguments)
    try:
        error: BaseException = kind(*values)
    except Exception:
        error = kind.__new__(kind)
        error.args = (_text(message),)
    # An assertion of the program's is not the test's: line 1 at most where it names none.
    setattr(error, _LINE, max(_count(line), 1))
    return error


def run(folder: str) -> None:
    Judge(_read(folder, "entry")).run(folder)
