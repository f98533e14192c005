"use strict";
// Runs a program as the main CommonJS module and reports how it ended.
//
// The job's nonce is read from descriptor 3, which is closed before the program starts, and is held
// by this function's closure alone. What is needed later is taken before the program can replace it.
// The report goes to a FIFO that is opened after the event loop has run empty.
(() => {
  const fs = require("fs");
  const Module = require("module");
  const { openSync, writeSync, closeSync } = fs;
  const RealError = Error;
  const { captureStackTrace } = Error;
  const { defineProperty } = Object;
  const { apply } = Reflect;
  const split = String.prototype.split;
  const slice = String.prototype.slice;
  const replace = String.prototype.replace;
  const exec = RegExp.prototype.exec;

  const path = process.argv[2];
  const buffer = Buffer.alloc(64);
  const size = fs.readSync(3, buffer, 0, 64, null);
  closeSync(3);
  const nonce = buffer.toString("latin1", 0, size);
  buffer.fill(0);
  if (size !== 32) throw new Error("a program runs once");

  let evaluated = false; // the main module has run to its last statement
  let reported = false;

  const report = (text) => {
    reported = true;
    const fd = openSync("/sandbox/done", "w");
    writeSync(fd, nonce + " " + text + "\n");
    closeSync(fd);
  };

  // True when the caller was called by the engine itself, and not by a frame of the program.
  const calledByEngine = () => {
    const seen = {};
    defineProperty(globalThis, "Error", { value: RealError, configurable: true, writable: true });
    defineProperty(RealError, "stackTraceLimit", { value: 100, configurable: true, writable: true });
    let foreign = true;
    defineProperty(RealError, "prepareStackTrace", {
      configurable: true,
      writable: true,
      value: (_, sites) => {
        foreign = false;
        for (let i = 0; i < sites.length; i++) {
          const file = sites[i].getFileName();
          if (file !== __filename && !(typeof file === "string" && apply(slice, file, [0, 5]) === "node:")) foreign = true;
        }
        return "";
      },
    });
    apply(captureStackTrace, RealError, [seen]);
    void seen.stack;
    delete RealError.prepareStackTrace;
    return !foreign;
  };

  const line = (error) => {
    const stack = typeof error.stack === "string" ? error.stack : "";
    const lines = apply(split, stack, ["\n"]);
    // A syntax error names its place first; any other error has frames, the innermost first.
    for (let i = 0; i < lines.length; i++) {
      const at = lines[i].indexOf(path + ":");
      if (at >= 0) {
        const found = apply(exec, /^[0-9]+/, [apply(slice, lines[i], [at + path.length + 1])]);
        if (found) return found[0];
      }
    }
    return "0";
  };

  const describe = (thrown) => {
    try {
      let text;
      let at = "0";
      if (typeof thrown === "object" && thrown !== null && typeof thrown.stack === "string") {
        at = line(thrown);
        text = String(thrown.name) + ": " + String(thrown.message);
      } else {
        text = typeof thrown + ": " + String(thrown);
      }
      text = apply(replace, text, [/[\r\n][^]*/, ""]);
      text = apply(replace, text, [/[^ -~]/g, "?"]);
      return at + " " + apply(slice, text, [0, 200]);
    } catch {
      return "0 unknown: ";
    }
  };

  process.argv.splice(1, 2, path);
  // The engine emits this when nothing is left to do. A program may emit it too, or drop the
  // listener: the first is refused by its frames, the second leaves the program without a report.
  process.on("beforeExit", () => {
    if (evaluated && !reported && !process.exitCode && calledByEngine()) report("completed 0 ");
  });
  process.on("uncaughtExceptionMonitor", (thrown) => {
    if (!reported) report("raised " + describe(thrown));
  });

  // A program that does not parse is told apart before any of it runs.
  const vm = require("vm");
  const wrapped = fs.readFileSync(path, "utf8").replace(/^#!.*/, "");
  try {
    vm.compileFunction(wrapped, ["exports", "require", "module", "__filename", "__dirname"], { filename: path });
  } catch (error) {
    report("compile " + describe(error));
    throw error;
  }
  // A module may return at its top level, and leave the test after it out: what does not parse without
  // a function around it may run, and is not taken for a program that ran to its last statement.
  let whole = true;
  try {
    new vm.Script(wrapped, { filename: path });
  } catch {
    whole = false;
  }
  Module._load(path, null, true);
  evaluated = whole;
})();
