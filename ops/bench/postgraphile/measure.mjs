// Asks one server the same question over and over, and tells what that costs.
//
//   node measure.mjs URL TOKEN QUERY_FILE SERVER_PID POSTMASTER_PID SECONDS
//
// First as fast as 16 connections go, then at half of that rate, by the clock: a request's time counts from when it
// was due, so that a server which stalls is not spared. Prints a line of JSON.
import { readFileSync, readdirSync } from "node:fs";
import http from "node:http";

const [url, token, file, serverPid, postmasterPid, seconds] = process.argv.slice(2);
const body = JSON.stringify({ query: readFileSync(file, "utf8") });
const CONNECTIONS = 16;
const agent = new http.Agent({ keepAlive: true, maxSockets: 64 });
const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
if (token) headers.authorization = `Bearer ${token}`;

function ask() {
  return new Promise((resolve, reject) => {
    const request = http.request(url, { method: "POST", agent, headers }, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      // A refusal is cheap, and no answer.
      response.on("end", () => response.statusCode === 200 ? resolve(Buffer.concat(parts)) : reject(new Error(`${response.statusCode}: ${Buffer.concat(parts)}`)));
    });
    request.on("error", reject);
    request.end(body);
  });
}

const TICK_MS = 10; // USER_HZ is 100 everywhere that Linux runs today.
function stat(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), own: Number(fields[11]) + Number(fields[12]), ended: Number(fields[13]) + Number(fields[14]) };
}
const serverMs = () => stat(serverPid).own * TICK_MS;
// The postmaster, its children, and those of them that have ended.
function databaseMs() {
  let ticks = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const { parent, own, ended } = stat(pid);
      if (pid === postmasterPid) ticks += own + ended;
      else if (parent === Number(postmasterPid)) ticks += own;
    } catch { /* It ended meanwhile. */ }
  }
  return ticks * TICK_MS;
}

async function asFastAsPossible(ms) {
  const end = performance.now() + ms;
  let answered = 0;
  const from = performance.now();
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
    while (performance.now() < end) {
      await ask();
      answered += 1;
    }
  }));
  return { answered, seconds: (performance.now() - from) / 1000 };
}

async function atRate(perSecond, ms) {
  const waits = [];
  const pending = new Set();
  const from = performance.now();
  for (let number = 0; ; number += 1) {
    const due = from + (number * 1000) / perSecond;
    if (due > from + ms) break;
    const early = due - performance.now();
    if (early > 1) await new Promise((resolve) => setTimeout(resolve, early));
    const one = ask().then(() => waits.push(performance.now() - due)).finally(() => pending.delete(one));
    pending.add(one);
  }
  await Promise.all(pending);
  waits.sort((a, b) => a - b);
  return waits;
}

const first = JSON.parse(await ask());
if (first.errors) throw new Error(JSON.stringify(first.errors));
const rows = JSON.stringify(first.data).length;
await asFastAsPossible(2000);
const [server, database] = [serverMs(), databaseMs()];
const { answered, seconds: lasted } = await asFastAsPossible(Number(seconds) * 1000);
const cost = { server: (serverMs() - server) / answered, database: (databaseMs() - database) / answered };
const waits = await atRate(answered / lasted / 2, Number(seconds) * 1000);
const at = (part) => waits[Math.min(waits.length - 1, Math.floor(waits.length * part))];
console.log(JSON.stringify({
  answer_bytes: rows,
  server_ms: Number(cost.server.toFixed(3)),
  database_ms: Number(cost.database.toFixed(3)),
  per_s: Math.round(answered / lasted),
  half_load_p50_ms: Number(at(0.5).toFixed(2)),
  half_load_p99_ms: Number(at(0.99).toFixed(2)),
}));
process.exit(0);
