/** What this tab knows of posts and accounts, and the news that pass between its parts:
 *  `posted`, `changed` and `deleted` (posts), `withdrawn` (reposts), `related` (accounts), `home`,
 *  `notification`, `reset`. */

import { read } from "./api.js";

const AT_ONCE = 100;

export const posts = new Map();
export const accounts = new Map();

const bus = new EventTarget();

export const tell = (name, detail) => bus.dispatchEvent(new CustomEvent(name, { detail }));
export const hear = (name, listener, options) => bus.addEventListener(name, (event) => listener(event.detail), options);

/** Keeps what a page holds and refers to, and gives the page back. */
export function keep(page) {
  for (const account of page.includes?.accounts ?? []) accounts.set(account.id, account);
  for (const post of [...(page.includes?.posts ?? []), ...(page.items ?? [])]) {
    if (post.text !== undefined) posts.set(post.id, { ...posts.get(post.id), ...post });
  }
  return page;
}

export function keepAccount(account) {
  accounts.set(account.id, account);
  return account;
}

/** Changes what is known of a post, and says so. */
export function changePost(id, change) {
  const post = posts.get(id);
  if (post === undefined) return;
  posts.set(id, { ...post, ...change(post) });
  tell("changed", posts.get(id));
}

/** Changes how the reader stands to an account, and says so. */
export function relate(id, change) {
  const account = accounts.get(id);
  if (account === undefined) return;
  const gained = (change.following ?? account.viewer?.following ?? false) - (account.viewer?.following ?? false);
  const counts = { ...account.counts, followers: Math.max(account.counts.followers + gained, 0) };
  accounts.set(id, { ...account, counts, viewer: { ...account.viewer, ...change } });
  tell("related", accounts.get(id));
}

/** Fetches what posts mention and is not known yet: live events come without their includes. */
export async function complete(found) {
  const people = new Set(found.flatMap((post) => [post.author_id, post.reposted_by_id, post.in_reply_to_author_id]));
  const quoted = new Set(found.map((post) => post.quote_of_id));
  await fetchMissing("/v1/posts", quoted, posts);
  for (const id of quoted) people.add(posts.get(id)?.author_id);
  await fetchMissing("/v1/accounts", people, accounts);
}

async function fetchMissing(path, wanted, known) {
  const missing = [...wanted].filter((id) => id && !known.has(id)).slice(0, AT_ONCE);
  if (missing.length === 0) return;
  const found = keep(await read(`${path}?ids=${missing.join(",")}`));
  for (const thing of found.items) known.set(thing.id, thing);
}

/** Reads posts again that are shown somewhere: others did something with them. */
export async function refresh(ids) {
  const shown = ids.filter((id) => posts.has(id));
  if (shown.length === 0) return;
  const found = keep(await read(`/v1/posts?ids=${shown.join(",")}`));
  for (const post of found.items) tell("changed", post);
}

/** Forgets all that was known to the account before. */
export function forgetAll() {
  posts.clear();
  accounts.clear();
}
