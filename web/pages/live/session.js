/** Who is signed in, in this tab and in its neighbours. The refresh token works once, so of several
 *  tabs one exchanges it and the others take over what it got. It is kept in IndexedDB, where all
 *  tabs see a write at once; in localStorage they see it a little later, too late for this. */

const NAME = "starling-session";
const LEEWAY_MS = 60_000;

const database = await opened();
const neighbours = new BroadcastChannel(NAME);
const listeners = new Set();
let current = null;
current = await stored();

/** Null where the browser keeps nothing: then the session ends with the tab. */
function opened() {
  return new Promise((resolve) => {
    const opening = indexedDB.open(NAME, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(NAME);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => resolve(null);
  });
}

async function stored() {
  if (database === null) return current;
  return new Promise((resolve, reject) => {
    const reading = database.transaction(NAME).objectStore(NAME).get(NAME);
    reading.onsuccess = () => resolve(reading.result ?? null);
    reading.onerror = () => reject(reading.error);
  });
}

async function store(session) {
  if (database === null) return undefined;
  return new Promise((resolve, reject) => {
    const writing = database.transaction(NAME, "readwrite", { durability: "strict" });
    if (session === null) writing.objectStore(NAME).delete(NAME);
    else writing.objectStore(NAME).put(session, NAME);
    writing.oncomplete = () => resolve();
    writing.onerror = () => reject(writing.error);
  });
}

async function keep(session) {
  await store(session);
  neighbours.postMessage(null);
  take(session);
}

function take(session) {
  const changed = session?.account_id !== current?.account_id;
  current = session;
  if (changed) for (const listener of listeners) listener();
}

neighbours.addEventListener("message", async () => take(await stored()));

/** The account's id, or null. */
export const signedInAs = () => current?.account_id ?? null;

/** Calls `listener` whenever somebody else is signed in, or nobody. */
export const onChange = (listener) => listeners.add(listener);

/** Takes what the server gave for a password or a refresh token. */
export function begin(tokens) {
  return keep({
    account_id: tokens.account_id,
    access_token: tokens.access_token,
    refresh_token: tokens.refresh_token,
    expires_at: Date.now() + tokens.expires_in * 1000,
  });
}

/** Forgets everything. */
export const end = () => keep(null);

/** An access token that is good for a while, or null. `not` is one that was refused. */
export async function accessToken(not = null) {
  const fits = (session) =>
    session === null || (session.access_token !== not && session.expires_at - Date.now() > LEEWAY_MS);
  if (fits(current)) return current?.access_token ?? null;
  const exchange = async () => {
    const known = await stored();
    if (fits(known)) take(known);
    else await refresh(known);
    return current?.access_token ?? null;
  };
  // Locks are for pages from https or localhost only; elsewhere two tabs may race, and sign in again.
  return navigator.locks ? navigator.locks.request(NAME, exchange) : exchange();
}

async function refresh({ refresh_token: token }) {
  const answer = await fetch("/v1/sessions/refresh", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: token }),
  });
  if (answer.ok) await begin(await answer.json());
  else if (answer.status === 401 || answer.status === 403) await end();
  else throw new Error("The session cannot be renewed now. Try again in a moment.");
}
