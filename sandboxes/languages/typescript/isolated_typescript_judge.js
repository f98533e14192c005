"use strict";
// JavaScript's judge for tests in TypeScript: what it compiles is put through tsc first, together with
// nothing of the completion. The places of errors are mapped back to the test's lines.
const { SourceMap } = require("module");
const vm = require("vm");
const { emit } = require("./emit.js");

const compile = vm.compileFunction;
let path; // of the test
let lines = (line) => line;

vm.compileFunction = (text, parameters, { filename, lineOffset }) => {
  // A module, as the program is (`alone` in language.yaml).
  const { tree, code, map } = emit(`${filename}.ts`, `${text}\nexport {};\n`);
  // tsc mends what is left open: of a prompt's beginning, the test must not become the inside.
  if (code === undefined || tree.parseDiagnostics.length) throw new SyntaxError("no whole TypeScript");
  const found = new SourceMap(JSON.parse(map));
  path = filename;
  lines = (line, column) => (found.findEntry(line - 1, column - 1).originalLine ?? 0) + 1 + lineOffset;
  return compile(code, parameters, { filename });
};

Error.stackTraceLimit = 10; // a snapshot does not keep it
Error.prepareStackTrace = (error, sites) => {
  const places = sites.map((site) =>
    site.getFileName() === path ? `${path}:${lines(site.getLineNumber(), site.getColumnNumber())}` : String(site),
  );
  return [String(error), ...places].join("\n    at ");
};

require("./isolated_judge.js");
