"use strict";
// The judge's side of the evidence `isolated`: runs the test, and asks the program for results.
//
// No line of the program runs in this process, so the nonce can be held in a variable. What the program
// sends is checked and made into plain data (see isolated_codec.js); an error that it threw is thrown
// here with the same name.
const fs = require("fs");
const Module = require("module");
const vm = require("vm");
const crypto = require("crypto");
const { Writer, Reader, NotPlain, Forged, HungUp, error, receive, send } = require("./isolated_codec.js");

const NONCE = 3;
const PROGRAM = 4;
const folder = process.argv[2];
const path = `${folder}/test`;
const entry = fs.readFileSync(`${folder}/entry`, "utf8");

const buffer = Buffer.alloc(32);
if (fs.readSync(NONCE, buffer, 0, 32, null) !== 32) throw new Error("no nonce");
fs.closeSync(NONCE);
const nonce = buffer.toString("latin1");
const thrown = { there: false, value: undefined, line: 0 }; // what the program threw last

const report = (how, line, what) => {
  const plain = String(what).replace(/[\r\n][^]*/, "").replace(/[^ -~]/g, "?").slice(0, 300);
  fs.writeFileSync("/sandbox/done", `${nonce} ${how} ${line} ${plain}\n`, { flag: "w" });
  process.reallyExit(how === "completed" ? 0 : 1);
};

// What ends the test apart from its own statements.
const ended = (failure) => {
  if (failure instanceof HungUp) report("gone", 0, "");
  if (failure instanceof NotPlain) report("unfit", 0, failure.message);
  report("forged", 0, failure.message); // whatever it was that failed here: we never send it
};

const count = (value) => {
  if (!Number.isInteger(value) || value < 0 || value > 0x7fffffff) throw new Forged("no line where a line is due");
  return value;
};

const meet = () => {
  try {
    send(PROGRAM, [entry]);
    const [how, kind, ...more] = receive(PROGRAM);
    if (how === "ready") return;
    if (how !== "compile" && how !== "raised") throw new Forged("a greeting of no known kind");
    if (kind === "error") {
      const [name, message, line] = more;
      const found = error(name, message);
      report(how, Math.max(count(line), 1), `${found.name}: ${found.message}`);
    }
    if (kind === "thrown") report(how, 1, `${typeof more[0]}: ${more[0]}`);
    throw new Forged("a failure of no known kind");
  } catch (failure) {
    ended(failure);
  }
};

// Sends a question.
const ask = (values, writer) => {
  // Drawn anew, so that no answer can be written before its question.
  const id = crypto.randomBytes(16).toString("hex");
  try {
    send(PROGRAM, [id, writer.values(values), writer.nodes]);
  } catch (failure) {
    if (failure instanceof HungUp || failure instanceof NotPlain) ended(failure);
    // Too deep or too large. It may hold results of the program, which must not have a say in what
    // is asked for.
    report("raised", 1, `${failure.name}: an argument cannot be sent: ${failure.message}`);
  }
  return id;
};

const call = (...values) => {
  const writer = new Writer([], true);
  const id = ask(values, writer);
  let failed = false;
  let result;
  try {
    const [answered, outcome, changes, nodes] = receive(PROGRAM);
    if (answered !== id) throw new Forged("an answer to no question");
    const kinds = writer.nodes.map((node) => node[0]);
    const reader = new Reader(nodes, writer.kept, kinds);
    for (const [number, node] of changes) {
      if (!Number.isInteger(number) || number < 0 || number >= kinds.length) throw new Forged("a change of nothing");
      reader.fill(number, ...node);
    }
    const [how, ...more] = outcome;
    if (how === "value") {
      if (more.length !== 1) throw new Forged("an answer without a value");
      result = reader.value(more[0]);
    } else if (how === "error") {
      failed = true;
      result = error(more[0], more[1]);
      thrown.line = Math.max(count(more[2]), 1);
    } else if (how === "thrown") {
      failed = true;
      result = reader.value(more[0]);
      thrown.line = 1;
    } else {
      throw new Forged("an answer of no known kind");
    }
  } catch (failure) {
    ended(failure instanceof HungUp ? failure : new Forged(failure.message));
  }
  if (!failed) return result;
  thrown.there = true;
  thrown.value = result;
  throw result;
};

const lineOf = (failure) => {
  if (thrown.there && Object.is(thrown.value, failure)) return thrown.line;
  for (const text of String(failure && failure.stack).split("\n")) {
    const at = text.indexOf(`${path}:`);
    if (at >= 0) return parseInt(text.slice(at + path.length + 1), 10) || 0;
  }
  return 0;
};

const describe = (failure) =>
  typeof failure === "object" && failure !== null && typeof failure.stack === "string"
    ? `${failure.name}: ${failure.message}`
    : `${typeof failure}: ${String(failure)}`;

const compile = (text, lineOffset) =>
  vm.compileFunction(text, ["exports", "require", "module", "__filename", "__dirname", "__forkeval"], {
    filename: path,
    lineOffset,
  });

// What stands in the prompt before the function asked for: the test may use it.
const prelude = (prompt) => {
  const name = entry.replace(/[^\w]/g, "\\$&");
  const starts = [...prompt.matchAll(new RegExp(`(async\\s+)?function\\s*\\*?\\s*${name}\\b|(const|let|var)\\s+${name}\\b`, "g"))];
  const head = starts.length ? prompt.slice(0, starts[starts.length - 1].index) : prompt;
  try {
    compile(head, 0);
    return head;
  } catch {
    return "";
  }
};

const run = () => {
  const head = `${prelude(fs.readFileSync(`${folder}/prompt`, "utf8"))}\n;var ${entry} = __forkeval;\n`;
  const text = fs.readFileSync(path, "utf8");
  const test = text.replace(/^\n+/, "");
  // Lines keep the numbers that they have in the whole program.
  const offset = text.length - test.length - (head.split("\n").length - 1);
  let body;
  try {
    body = compile(head + test, offset);
  } catch (failure) {
    report("compile", Math.max(lineOf(failure), 0), describe(failure));
  }
  meet();
  const module = new Module(path, null);
  module.filename = path;
  process.mainModule = module;
  const stub = { [entry]: (...values) => call(...values) }[entry];
  process.on("uncaughtExceptionMonitor", (failure) => {
    console.error(failure);
    report("raised", lineOf(failure), describe(failure));
  });
  process.on("beforeExit", () => report("completed", 0, ""));
  body.call(module.exports, module.exports, Module.createRequire(path), module, path, folder, stub);
};

run();
