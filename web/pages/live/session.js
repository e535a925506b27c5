/** Who is signed in, in this tab and in its neighbours. The refresh token works once, so of several
 *  tabs one exchanges it and the others take over what it got. */

const KEY = "starling-session";
const LEEWAY_MS = 60_000;

let current = stored();
const listeners = new Set();

function stored() {
  try {
    return JSON.parse(localStorage.getItem(KEY));
  } catch {
    return null;
  }
}

function keep(session) {
  const changed = session?.account_id !== current?.account_id;
  current = session;
  if (session === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, JSON.stringify(session));
  if (changed) tell();
}

function tell() {
  for (const listener of listeners) listener();
}

addEventListener("storage", (event) => {
  if (event.key !== KEY && event.key !== null) return;
  const changed = stored()?.account_id !== current?.account_id;
  current = stored();
  if (changed) tell();
});

/** The account's id, or null. */
export const signedInAs = () => current?.account_id ?? null;

/** Calls `listener` whenever somebody else is signed in, or nobody. */
export const onChange = (listener) => listeners.add(listener);

/** Takes what the server gave for a password or a refresh token. */
export function begin(tokens) {
  keep({
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
    current = stored();
    if (!fits(current)) await refresh();
    return current?.access_token ?? null;
  };
  // Locks are for pages from https or localhost only; elsewhere two tabs may race, and sign in again.
  return navigator.locks ? navigator.locks.request(KEY, exchange) : exchange();
}

async function refresh() {
  const answer = await fetch("/v1/sessions/refresh", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refresh_token: current.refresh_token }),
  });
  if (answer.ok) begin(await answer.json());
  else if (answer.status === 401 || answer.status === 403) end();
  else throw new Error("The session cannot be renewed now. Try again in a moment.");
}
