"use strict";
// Plain data as text that another process may send, without ever running what it says.
//
// A message is a JSON array. A value in it is null, true, false, a string or a finite number as itself,
// or [i]: node i of the message. A node is [kind, ...parts]; nodes keep shared and cyclic references.
// Both sides number the nodes of a request alike, so that an answer can refer to them: what the callee
// changed in its arguments is sent as new parts of old nodes.
//
// What the program's side needs is taken here, before the program can replace it. Reading makes
// objects of the kinds named here alone, and none of them has code.
const { readSync, writeSync } = require("fs");
const { types } = require("util");

const MOST_BYTES = 32 << 20;
const { parse, stringify } = JSON;
const { defineProperty, getPrototypeOf, keys } = Object;
const { isArray } = Array;
const { isBuffer } = Buffer;
const getTime = Date.prototype.getTime;
const isIndex = (key, length) => String(key >>> 0) === key && key >>> 0 < length;

class NotPlain extends Error {}
class TooMuch extends Error {}
class Forged extends Error {}
class HungUp extends Error {}

const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
const ARRAYS = {
  Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array,
  Float32Array, Float64Array, BigInt64Array, BigUint64Array,
};
const made = new WeakSet(); // instances of classes that the other side has: their contents alone

const bytes = (view) => Buffer.from(view.buffer, view.byteOffset, view.byteLength).toString("base64");
const own = (target, key, value) =>
  defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });

class Writer {
  // known: objects that the other side has, in order. exact: instances of classes are refused; else
  // their contents are sent.
  constructor(known = [], exact = false) {
    this.exact = exact;
    this.first = known.length;
    this.kept = known.slice();
    this.nodes = [];
    this.numbers = new Map();
    for (let i = 0; i < known.length; i++) this.numbers.set(known[i], i);
  }

  value(value) {
    switch (typeof value) {
      case "boolean":
      case "string":
        return value;
      case "number":
        if (value - value === 0 && !(value === 0 && 1 / value < 0)) return value;
        return this.add(value, ["number", value === 0 ? "-0" : String(value)]);
      case "bigint":
        return this.add(value, ["bigint", String(value)]);
      case "undefined":
        return this.add(value, ["undefined"]);
      case "object": {
        if (value === null) return null;
        const number = this.numbers.get(value);
        if (number !== undefined) return [number];
        const node = [];
        const reference = this.add(value, node); // numbered before its contents: it may hold itself
        const parts = this.parts(value);
        for (let i = 0; i < parts.length; i++) node[i] = parts[i];
        return reference;
      }
      default:
        throw new NotPlain(`a ${typeof value} is no plain data`);
    }
  }

  values(list) {
    const found = [];
    for (let i = 0; i < list.length; i++) found[i] = this.value(list[i]);
    return found;
  }

  add(value, node) {
    const number = this.first + this.nodes.length;
    if (typeof value === "object" || value !== value || value === undefined) {
      const known = this.numbers.get(value);
      if (known !== undefined) return [known];
      this.numbers.set(value, number);
    }
    this.kept[number] = value;
    this.nodes[number - this.first] = node;
    return [number];
  }

  // The node of an object.
  parts(value) {
    if (isArray(value)) return this.array(value);
    if (types.isDate(value)) {
      const time = Reflect.apply(getTime, value, []);
      return ["date", time === time ? time : null];
    }
    if (types.isRegExp(value)) return ["regexp", value.source, value.flags];
    if (types.isMap(value)) return ["map", this.values([...value].flat(1))];
    if (types.isSet(value)) return ["set", this.values([...value])];
    if (types.isNativeError(value)) return ["error", String(value.name), String(value.message)];
    if (types.isBoxedPrimitive(value)) return ["boxed", this.value(value.valueOf())];
    if (isBuffer(value)) return ["buffer", bytes(value)];
    for (const name of keys(ARRAYS)) {
      if (value instanceof ARRAYS[name]) return ["typed", name, bytes(value)];
    }
    if (types.isPromise(value) || types.isGeneratorObject(value) || types.isProxy(value) ||
        types.isAnyArrayBuffer(value) || types.isWeakMap(value) || types.isWeakSet(value)) {
      throw new NotPlain("an object of no plain kind");
    }
    const parent = getPrototypeOf(value);
    const plain = parent === null || parent === Object.prototype;
    if (!plain && this.exact && !made.has(value)) throw new NotPlain("an instance of a class");
    const flat = [];
    for (const key of keys(value)) flat.push(key, this.value(value[key]));
    return [parent === null ? "bare" : plain ? "object" : "instance", flat];
  }

  array(value) {
    const found = [];
    const extra = [];
    let present = 0;
    for (let i = 0; i < value.length; i++) {
      const there = i in value;
      present += there;
      found[i] = there ? this.value(value[i]) : [];
    }
    const names = keys(value);
    if (names.length !== present) {
      for (const key of names) if (!isIndex(key, value.length)) extra.push(key, this.value(value[key]));
    }
    return ["array", found, extra];
  }

  // [number, node] of every known object whose contents are no longer those of its node in `nodes`.
  changes(nodes) {
    const found = [];
    for (let i = 0; i < nodes.length; i++) {
      if (typeof this.kept[i] !== "object" || !(nodes[i][0] in FILL)) continue;
      const now = this.parts(this.kept[i]);
      if (stringify(now) !== stringify(nodes[i])) found.push([i, now]);
    }
    return found;
  }
}

const check = (right, what) => {
  if (!right) throw new Forged(what);
};

// How an object is made, still empty where it may hold others.
const MAKE = {
  __proto__: null,
  number: (text) => ({ NaN, Infinity, "-Infinity": -Infinity, "-0": -0 })[text],
  bigint: (text) => BigInt(text),
  undefined: () => undefined,
  array: () => [],
  object: () => ({}),
  bare: () => Object.create(null),
  instance: () => {
    const value = new (class {})();
    made.add(value);
    return value;
  },
  map: () => new Map(),
  set: () => new Set(),
  date: (time) => new Date(time === null ? NaN : time),
  regexp: (source, flags) => new RegExp(source, flags),
  error: (name, message) => error(name, message),
  boxed: (value) => Object(value),
  buffer: (text) => Buffer.from(text, "base64"),
  typed: (name, text) => {
    check(typeof name === "string" && Object.hasOwn(ARRAYS, name), "an array of no known kind");
    const data = new Uint8Array(Buffer.from(text, "base64"));
    return new ARRAYS[name](data.buffer);
  },
};

// Gives an object these contents, in place of what it had.
const FILL = {
  __proto__: null,
  array: (reader, target, list, extra) => {
    check(isArray(list) && isArray(extra), "no contents");
    target.length = 0;
    target.length = list.length;
    for (let i = 0; i < list.length; i++) {
      if (!(isArray(list[i]) && list[i].length === 0)) target[i] = reader.value(list[i]);
    }
    for (const key of keys(target)) if (!isIndex(key, target.length)) delete target[key];
    reader.properties(target, extra);
  },
  object: (reader, target, flat) => reader.replace(target, flat),
  bare: (reader, target, flat) => reader.replace(target, flat),
  instance: (reader, target, flat) => reader.replace(target, flat),
  map: (reader, target, flat) => {
    const values = reader.values(flat);
    target.clear();
    for (let i = 0; i < values.length; i += 2) target.set(values[i], values[i + 1]);
  },
  set: (reader, target, list) => {
    const values = reader.values(list);
    target.clear();
    for (const value of values) target.add(value);
  },
  date: (reader, target, time) => target.setTime(time === null ? NaN : time),
  buffer: (reader, target, text) => reader.bytes(target, text),
  typed: (reader, target, name, text) => reader.bytes(target, text),
};

class Reader {
  // known: the objects of earlier messages, and `kinds` the kinds of their nodes.
  constructor(nodes, known = [], kinds = []) {
    check(isArray(nodes), "no nodes");
    this.objects = known.slice();
    this.kinds = kinds.slice();
    for (const [kind, ...parts] of nodes) {
      check(typeof kind === "string" && kind in MAKE, "a node of no known kind");
      if (kind === "boxed") check(!isArray(parts[0]) && parts[0] !== null, "an odd boxed value");
      this.objects.push(MAKE[kind](...parts));
      this.kinds.push(kind);
    }
    for (let i = 0; i < nodes.length; i++) {
      const [kind, ...parts] = nodes[i];
      if (kind in FILL && kind !== "typed" && kind !== "buffer") this.fill(known.length + i, kind, ...parts);
    }
  }

  fill(number, kind, ...parts) {
    check(kind in FILL && this.kinds[number] === kind, "contents of another kind");
    FILL[kind](this, this.objects[number], ...parts);
  }

  value(value) {
    if (typeof value !== "object" || value === null) return value;
    check(isArray(value) && value.length === 1, "an object where a value is due");
    const number = value[0];
    check(Number.isInteger(number) && number >= 0 && number < this.objects.length, "a reference to nothing");
    return this.objects[number];
  }

  values(list) {
    check(isArray(list), "no list");
    return list.map((value) => this.value(value));
  }

  properties(target, flat) {
    check(isArray(flat) && flat.length % 2 === 0, "no properties");
    for (let i = 0; i < flat.length; i += 2) {
      check(typeof flat[i] === "string", "a property of no name");
      own(target, flat[i], this.value(flat[i + 1]));
    }
  }

  replace(target, flat) {
    for (const key of keys(target)) delete target[key];
    this.properties(target, flat);
  }

  bytes(target, text) {
    const data = Buffer.from(text, "base64");
    check(data.length === target.byteLength, "an array of another length");
    new Uint8Array(target.buffer, target.byteOffset, target.byteLength).set(data);
  }
}

const error = (name, message) => {
  check(typeof name === "string" && typeof message === "string", "an error of no name");
  if (Object.hasOwn(ERRORS, name)) return new ERRORS[name](message);
  const found = new Error(message);
  defineProperty(found, "name", { value: name.slice(0, 200), configurable: true, writable: true });
  return found;
};

const read = (descriptor, size) => {
  const data = Buffer.alloc(size);
  for (let have = 0; have < size; ) {
    let part = 0;
    try {
      part = readSync(descriptor, data, have, size - have, null);
    } catch {
      part = 0;
    }
    if (part === 0) throw new HungUp("the other side is gone");
    have += part;
  }
  return data;
};

const receive = (descriptor) => {
  const size = read(descriptor, 4).readUInt32BE(0);
  check(size <= MOST_BYTES, `a message of ${size} bytes`);
  const text = read(descriptor, size).toString("utf8");
  let message;
  try {
    message = parse(text);
  } catch {
    throw new Forged("no JSON");
  }
  check(isArray(message), "no list");
  return message;
};

const send = (descriptor, message) => {
  const data = Buffer.from(stringify(message), "utf8");
  if (data.length > MOST_BYTES) throw new TooMuch(`${data.length} bytes are more than a call may take`);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(data.length, 0);
  const whole = Buffer.concat([head, data]);
  for (let at = 0; at < whole.length; ) {
    try {
      at += writeSync(descriptor, whole, at, whole.length - at);
    } catch {
      throw new HungUp("the other side is gone");
    }
  }
};

module.exports = { Writer, Reader, NotPlain, TooMuch, Forged, HungUp, error, receive, send };
