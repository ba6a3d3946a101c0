// Loaded into every Node.js of a clean room with --require: notes what is looked for, changes nothing.
// GREENROOM_ROOM_LOG is replaced when the file is copied into the room.
"use strict";
const fs = require("node:fs");
const Module = require("node:module");
const childProcess = require("node:child_process");
const LOG = "GREENROOM_ROOM_LOG";
const writeSync = fs.writeSync, openSync = fs.openSync;
const log = openSync(LOG, "a");
const seen = new Set();

function stack() {
  const text = String(new Error().stack).split("\n").slice(1);
  const found = [];
  for (const line of text) {
    const at = /\(?((?:file:\/\/)?\/[^():]+):(\d+):\d+\)?$/.exec(line.trim());
    if (at && at[1] !== __filename) found.push([at[1].replace("file://", ""), Number(at[2])]);
  }
  return found;
}

function note(kind, name) {
  const where = stack();
  const line = JSON.stringify({ kind, name: String(name), stack: where, guarded: false }) + "\n";
  if (seen.has(line)) return;
  seen.add(line);
  try { writeSync(log, line); } catch { /* the release closed all descriptors */ }
}

const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  try {
    return resolve.call(this, request, ...rest);
  } catch (error) {
    if (error.code === "MODULE_NOT_FOUND" && !/^[./]/.test(request)) note("import", request);
    throw error;
  }
};

for (const name of ["spawn", "spawnSync", "execFile", "execFileSync"]) {
  const real = childProcess[name];
  childProcess[name] = function (file, ...rest) { note("executable", file); return real.call(this, file, ...rest); };
}
for (const name of ["exec", "execSync"]) {
  const real = childProcess[name];
  childProcess[name] = function (line, ...rest) {
    note("executable", String(line).trim().split(/\s+/)[0]);
    return real.call(this, line, ...rest);
  };
}
for (const name of ["readFileSync", "openSync", "readFile", "open", "createReadStream"]) {
  const real = fs[name];
  fs[name] = function (path, ...rest) {
    const text = path instanceof URL ? path.pathname : String(path);
    if (text.startsWith("/")) note("file", text);
    return real.call(this, path, ...rest);
  };
}
