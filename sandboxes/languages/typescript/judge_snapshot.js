"use strict";
// What node starts a judge from: a heap that has tsc. A snapshot's script has no `require` but for what
// is built into node.
const { readFileSync } = require("fs");
const path = require("path");

const file = "/forkeval/node_modules/typescript/lib/typescript.js";
const tsc = { exports: {} };
const names = ["module", "exports", "require", "__filename", "__dirname"];
const values = [tsc, tsc.exports, require, file, path.dirname(file)];
new Function(...names, readFileSync(file, "utf8"))(...values);
globalThis.typescript = tsc.exports;
