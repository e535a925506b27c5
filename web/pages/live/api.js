/** Requests to /v1: signed, consistent with what this tab did before, repeated where that is safe,
 *  and with problems (RFC 9457) in words. */

import { accessToken } from "./session.js";

const TRIES = 3;
const RETRIED = new Set([503, 409]);
const TOKENS_KEY = "starling-seen";

// Tokens of commands whose effect every later read must show. A reload must, too.
let seen = new Set((sessionStorage.getItem(TOKENS_KEY) ?? "").split(",").filter(Boolean));

/** Why a request was turned down. */
export class Problem extends Error {
  constructor(status, document) {
    super(wordsOf(document));
    this.status = status;
    this.kind = (document.type ?? "").split("/").pop();
    this.fields = Object.fromEntries((document.errors ?? []).map((e) => [e.pointer, e.detail]));
  }
}

function wordsOf(document) {
  const details = (document.errors ?? []).map((e) => e.detail);
  const words = details.length > 0 ? details.join(" ") : document.detail ?? document.title;
  return words ?? "The server could not do this.";
}

/** A page of a list and the path of the next one, or null. */
export async function page(path, options) {
  const { body, headers } = await ask("GET", path, options);
  return { ...body, next: nextOf(headers.get("Link")) };
}

/** What a GET answers. */
export const read = async (path, options) => (await ask("GET", path, options)).body;

/** Does something; what it answers, or null. The same key makes a repetition harmless. */
export async function command(method, path, body, { headers = {} } = {}) {
  const keyed = { "Idempotency-Key": key(), ...headers };
  return (await ask(method, path, { body, headers: keyed })).body;
}

/** Forgets what was seen: somebody else sits here now. */
export function forget() {
  seen = new Set();
  sessionStorage.removeItem(TOKENS_KEY);
}

/** The header fields of a request on behalf of who is signed in. */
export async function signed(refused = null) {
  const token = await accessToken(refused);
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

async function ask(method, path, { body, headers = {}, signal, tries = TRIES } = {}) {
  let refused = null;
  for (let tried = 1; ; tried++) {
    const sent = [...seen];
    const authorization = await signed(refused);
    let answer;
    try {
      answer = await fetch(path, {
        method,
        signal,
        headers: { ...fieldsOf(body, sent), ...authorization, ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      if (tried < tries) { await pause(tried); continue; }
      throw new Error("The server cannot be reached. Check the connection and try again.", { cause: error });
    }
    if (answer.ok) return await taken(answer, sent);
    const problem = await problemOf(answer);
    if (answer.status === 401 && authorization.Authorization && refused === null) {
      refused = authorization.Authorization.slice("Bearer ".length);
    } else if (tried >= tries) {
      throw problem;
    } else if (problem.kind === "projection-behind" && sent.length > 0) {
      // It was waited for; better an answer that lags a little than none.
      remember(sent, null);
    } else if (RETRIED.has(answer.status) && isPassing(problem)) {
      await pause(Number(answer.headers.get("Retry-After")) || tried);
    } else {
      throw problem;
    }
  }
}

const isPassing = (problem) => problem.status === 503 || problem.kind === "idempotency-key-in-progress";

function fieldsOf(body, sent) {
  const fields = { Accept: "application/json" };
  if (body !== undefined) fields["Content-Type"] = "application/json";
  if (sent.length > 0) fields["Consistency-Token"] = sent.join(",");
  return fields;
}

async function taken(answer, sent) {
  const token = answer.headers.get("Consistency-Token");
  if (token !== null) remember(sent, token);
  const text = await answer.text();
  return { body: text === "" ? null : JSON.parse(text), headers: answer.headers };
}

/** A command's token covers those it was sent with. */
function remember(covered, token) {
  for (const old of covered) seen.delete(old);
  if (token !== null) seen.add(token);
  sessionStorage.setItem(TOKENS_KEY, [...seen].join(","));
}

async function problemOf(answer) {
  try {
    return new Problem(answer.status, await answer.json());
  } catch {
    return new Problem(answer.status, { detail: `The server answered ${answer.status}.` });
  }
}

/** Only paths of the API, wherever a header may point. */
function nextOf(link) {
  const found = /<(\/v1\/[^>]*)>;\s*rel="next"/.exec(link ?? "");
  return found === null ? null : found[1];
}

function key() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
