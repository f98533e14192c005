"use strict";
// The program's side of the evidence `isolated`: runs prompt and completion, then answers calls.
//
// Nothing here is trusted, for it shares its process with the program: what it says is checked by the
// judge. The judge first names the function that it will ask for. A request is [id, arguments, nodes];
// an answer carries its id.
const fs = require("fs");
const Module = require("module");
const vm = require("vm");
const { Writer, Reader, HungUp, receive, send } = require("./isolated_codec.js");

const JUDGE = 3;
const path = process.argv[2];
const { exit } = process;

let lines = 0; // of the program's own; what is added to it is no place to blame

const line = (thrown) => {
  for (const text of String(thrown.stack).split("\n")) {
    const at = text.indexOf(path + ":");
    const found = at >= 0 ? parseInt(text.slice(at + path.length + 1), 10) : 0;
    if (found && found <= lines) return found;
  }
  return 0;
};

// ["error", name, message, line], or ["thrown", value] of what is no error.
const raised = (thrown, writer = new Writer()) => {
  if (thrown instanceof Error) {
    return ["error", String(thrown.name), String(thrown.message).slice(0, 2000), line(thrown)];
  }
  try {
    return ["thrown", writer.value(thrown)];
  } catch {
    return ["error", typeof thrown, "", 0];
  }
};

const answer = ([id, list, nodes], find) => {
  const reader = new Reader(nodes);
  const values = reader.values(list);
  let writer = new Writer(reader.objects);
  let outcome;
  let changes = [];
  try {
    let result;
    let thrown;
    let failed = false;
    try {
      result = find()(...values);
    } catch (error) {
      failed = true;
      thrown = error;
    }
    outcome = failed ? raised(thrown, writer) : ["value", writer.value(result)];
    changes = writer.changes(nodes);
  } catch (error) {
    writer = new Writer(reader.objects);
    outcome = raised(error);
    changes = [];
  }
  return [id, outcome, changes, writer.nodes];
};

const serve = (find) => {
  try {
    send(JUDGE, ["ready"]);
    for (;;) {
      const reply = answer(receive(JUDGE), find);
      try {
        send(JUDGE, reply);
      } catch (error) {
        if (error instanceof HungUp) throw error;
        send(JUDGE, [reply[0], raised(error), [], []]); // too large
      }
    }
  } catch (error) {
    if (!(error instanceof HungUp)) throw error;
    exit(0);
  }
};

const run = () => {
  const [entry] = receive(JUDGE);
  const source = fs.readFileSync(path, "utf8").replace(/^#!.*/, "");
  lines = source.split("\n").length;
  process.argv.splice(1, 2, path);
  try {
    vm.compileFunction(source, ["exports", "require", "module", "__filename", "__dirname"], { filename: path });
  } catch (error) {
    send(JUDGE, ["compile", ...raised(error)]);
    exit(1);
  }
  // The function may be bound by const or let: only code of the module's own scope finds it.
  const key = `__forkeval_${process.pid}`;
  globalThis[key] = serve;
  const text = `${source}\n;{ const serve = globalThis.${key}; delete globalThis.${key}; serve(() => ${entry}); }`;
  Module._extensions[".js"] = ((load) => (module, name) =>
    name === path ? module._compile(text, name) : load(module, name))(Module._extensions[".js"]);
  try {
    Module._load(path, null, true);
  } catch (error) {
    send(JUDGE, ["raised", ...raised(error)]);
    throw error;
  }
};

run();
