"use strict";
// What tsc makes of one file's text, without reading the library, which is what makes tsc slow: what it
// emits depends on the program's own types alone (a const enum's values, imports that only name types).
// Type errors keep no JavaScript from being emitted, and are not reported.
const path = require("path");
const ts = globalThis.typescript ?? require("typescript"); // a start-up snapshot may hold it

const OPTIONS = { target: ts.ScriptTarget.ES5, sourceMap: true, noLib: true, noResolve: true, types: [] };

// name: the text's path. Returns its syntax tree, the JavaScript and its source map (undefined where
// nothing was emitted), and what tsc said about that.
const emit = (name, text) => {
  let code, map;
  const host = {
    fileExists: (file) => file === name,
    readFile: (file) => (file === name ? text : undefined),
    getSourceFile: (file, version) => (file === name ? ts.createSourceFile(file, text, version) : undefined),
    writeFile: (file, emitted) => (file.endsWith(".map") ? (map = emitted) : (code = emitted)),
    getDefaultLibFileName: () => "lib.d.ts",
    useCaseSensitiveFileNames: () => true,
    getCanonicalFileName: (file) => file,
    getCurrentDirectory: () => path.dirname(name),
    getNewLine: () => "\n",
    getDirectories: () => [],
  };
  const program = ts.createProgram([name], OPTIONS, host);
  const { emitSkipped, diagnostics } = program.emit();
  const said = ts.formatDiagnostics(diagnostics, host);
  return { tree: program.getSourceFile(name), code: emitSkipped ? undefined : code, map, said };
};

module.exports = { emit };
