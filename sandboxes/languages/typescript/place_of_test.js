"use strict";
// place_of_test.js SOURCE: for a source that tsc is about to compile. tsc mends what is left open, and so
// a test may end up inside a function that nobody calls, as part of an expression or in a text: node then
// runs a program to its end that has not met its test. The line before the test (`start` in
// language.yaml) is a statement of the file's own, or the test is left out. Then the line is blanked, so
// that the program is what it would be without it, and what is to be added to the JavaScript is said: a
// `return` outside of any function, by which the launcher knows a module that leaves its test out.
const fs = require("fs");
const ts = require("typescript");

const LINE = "void 0; // the test";
const RETURN = "\nreturn;\n";

// The text of a syntax tree without the line, if it leaves the test out; else undefined.
const withoutTest = (tree) => {
  const { text } = tree;
  const at = text.lastIndexOf(`\n${LINE}\n`) + 1; // what looks like it before is the program's own
  if (at === 0 || tree.statements.some((one) => one.getStart(tree) === at)) return undefined;
  return text.slice(0, at) + " ".repeat(LINE.length) + text.slice(at + LINE.length);
};

if (require.main === module) {
  const source = process.argv[2];
  const tree = ts.createSourceFile(source, ts.sys.readFile(source) ?? "", ts.ScriptTarget.ES5);
  const text = withoutTest(tree);
  if (text !== undefined) {
    fs.writeFileSync(source, text);
    process.stdout.write(RETURN);
  }
}

module.exports = { RETURN, withoutTest };
