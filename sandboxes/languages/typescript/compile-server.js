"use strict";
// A warm tsc. Its argument is the source file. For each request on standard input it emits that
// file's JavaScript beside it and answers "exit STATUS 0 0", a newline and what kept it from
// emitting; standard input and output are one socket that keeps the bounds of messages.
//
// A program may be too much for tsc. It works in a thread, whose heap ends without the process.
const { once } = require("events");
const fs = require("fs");
const { Worker, isMainThread, parentPort } = require("worker_threads");

const ANSWER = 1 << 17; // bytes of what is said
const LIMITS = { maxOldGenerationSizeMb: 256, stackSizeMb: 1 };
const source = process.argv[2];

// The lines of errors are to be the source's, under the name that the launcher looks for; what is added
// after the last of them (";A;") is on none.
const place = (map) =>
  map.replace('"sources":["main.ts"]', '"sources":["main.js"]').replace(/"mappings":"[^"]*/, "$&;A;");

// Answers every message with tsc's status, 0 where JavaScript was emitted, and what tsc said.
const work = () => {
  const { sys } = require("typescript");
  const { emit } = require("./emit.js");
  const { RETURN, withoutTest } = require("./place_of_test.js");
  const emitted = source.replace(/ts$/, "js");
  const compile = () => {
    try {
      let found = emit(source, sys.readFile(source) ?? "");
      const text = withoutTest(found.tree);
      if (text !== undefined) found = emit(source, text);
      const { code, map, said } = found;
      if (code === undefined) return [1, said];
      fs.writeFileSync(emitted, text === undefined ? code : code + RETURN);
      fs.writeFileSync(`${emitted}.map`, place(map));
      return [0, said];
    } catch (error) {
      // tsc's own faults, such as a stack that does not hold the program; tsc ends with 1, too
      return [1, "compiler failed: " + error + "\n"];
    }
  };
  parentPort.on("message", () => parentPort.postMessage(compile()));
  parentPort.postMessage("ready");
};

const serve = async () => {
  const start = async () => {
    const worker = new Worker(__filename, { argv: [source], resourceLimits: LIMITS });
    await once(worker, "message");
    return worker;
  };
  let worker = await start();
  fs.writeSync(1, "ready");
  const request = Buffer.alloc(256);
  while (fs.readSync(0, request, 0, request.length, null) > 0) {
    let status, said;
    try {
      worker ??= await start();
      worker.postMessage("compile");
      [[status, said]] = await once(worker, "message");
    } catch (error) {
      worker = undefined; // its heap was full
      [status, said] = [1, "compiler failed: " + error + "\n"];
    }
    const answer = Buffer.from(`exit ${status << 8} 0 0\n${said}`);
    fs.writeSync(1, answer, 0, Math.min(answer.length, ANSWER));
  }
  process.exit();
};

if (isMainThread) serve();
else work();
