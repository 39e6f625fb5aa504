// Runs every audit of graphql-http against a server: node audit.mjs URL, with the bearer token in CAIRN_TOKEN.
// Prints one JSON object a line: { id, name, status: "ok" | "warn" | "notice" | "error", reason? }.
import { serverAudits } from 'graphql-http';

const [url] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env.CAIRN_TOKEN}` };
const fetchFn = (input, init = {}) =>
  fetch(input, { ...init, headers: { ...Object.fromEntries(new Headers(init.headers)), ...headers } });

for (const audit of serverAudits({ url, fetchFn })) {
  const { status, reason } = await audit.fn();
  console.log(JSON.stringify({ id: audit.id, name: audit.name, status, reason }));
}
