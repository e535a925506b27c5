/** Lists that go on: the next page comes as the reader nears the end, or at the press of a button,
 *  and live items wait above until the reader is at the top. */

import { page } from "./api.js";
import { announce, h } from "./dom.js";
import { keep } from "./store.js";

const AT_TOP_PX = 160;
const AHEAD = "600px";

/** A list of what `path` pages through. `render` makes an element of an item (null: leave it out),
 *  `keyOf` says what makes two items the same, `empty` is shown where there is nothing. */
export function list({ path, label, render, keyOf = (item) => item.id, empty, role = "feed" }) {
  const shown = new Map();
  const waiting = new Map();
  let next = path;
  let loading = null;
  const body = h("div", { role, "aria-label": label, class: "list" });
  const fresh = h("button", { type: "button", class: "fresh", hidden: true });
  const more = h("button", { type: "button", class: "more" }, "Show more");
  const note = h("div", { class: "note" });
  const element = h("div", {}, fresh, body, note, more);

  function place(item, { first = false, live = false } = {}) {
    const key = keyOf(item);
    if (shown.has(key) && !first) return;
    const made = render(item);
    if (made === null) return;
    shown.get(key)?.remove();
    if (item.item_id !== undefined) made.dataset.item = item.item_id;
    shown.set(key, made);
    if (live) made.classList.add("arrived");
    if (first) body.prepend(made);
    else body.append(made);
  }

  function number() {
    if (role !== "feed") return;
    for (const [index, made] of [...body.children].entries()) {
      made.setAttribute("aria-posinset", index + 1);
      made.setAttribute("aria-setsize", "-1");
    }
  }

  async function load() {
    if (next === null || loading !== null) return loading;
    body.setAttribute("aria-busy", "true");
    more.hidden = false;
    more.textContent = "Loading …";
    loading = page(next).then(keep).then(taken, failed).finally(() => {
      loading = null;
      body.removeAttribute("aria-busy");
    });
    return loading;
  }

  function taken(found) {
    const asked = next;
    note.replaceChildren();
    for (const item of found.items) place(item);
    next = found.next === asked ? null : found.next;
    number();
    more.hidden = next === null;
    more.textContent = "Show more";
    if (shown.size === 0 && next === null) note.replaceChildren(empty());
    else if (isNear()) setTimeout(load);
    return found;
  }

  function failed(error) {
    more.hidden = false;
    more.textContent = "Try again";
    note.replaceChildren(h("p", { class: "notice", role: "alert" }, error.message));
    return null;
  }

  const isNear = () => !element.closest("[hidden]") && element.isConnected
    && more.getBoundingClientRect().top < innerHeight + 300;

  function release() {
    const focused = document.activeElement === fresh;
    const items = [...waiting.values()];
    waiting.clear();
    fresh.hidden = true;
    note.replaceChildren();
    for (const item of items) place(item, { first: true, live: true });
    number();
    if (focused) body.firstElementChild?.focus();
  }

  /** A live item: shown at once to who reads the top, else announced above. */
  function offer(item, words) {
    waiting.set(keyOf(item), item);
    const reading = body.querySelector(":focus-visible, details[open]") !== null;
    if (!element.closest("[hidden]") && scrollY < AT_TOP_PX && !reading) {
      release();
      announce(words);
      return;
    }
    const said = waiting.size === 1 ? "Show 1 new post" : `Show ${waiting.size} new posts`;
    if (fresh.hidden) announce(words);
    fresh.hidden = false;
    fresh.textContent = said;
  }

  /** Takes the item with this `item_id` away; its post may come again at another place. */
  function withdraw(id) {
    for (const [key, item] of waiting) if (item.item_id === id) waiting.delete(key);
    if (waiting.size === 0) fresh.hidden = true;
    for (const [key, made] of shown) {
      if (made.dataset.item !== id) continue;
      if (made.contains(document.activeElement)) (made.nextElementSibling ?? document.getElementById("main")).focus();
      made.remove();
      shown.delete(key);
    }
    number();
  }

  /** Reads the beginning again and shows only that. */
  async function reload() {
    const found = await page(path).then(keep).catch(() => null);
    if (found === null) return;
    waiting.clear();
    fresh.hidden = true;
    shown.clear();
    body.replaceChildren();
    next = path;
    taken(found);
  }

  /** Reads the beginning again and offers what is new; `since` asks for no more than that. */
  async function catchUp(words, since = null) {
    const bound = since === null ? "" : `${path.includes("?") ? "&" : "?"}since_id=${since}`;
    const found = await page(path + bound).then(keep).catch(() => null);
    if (found === null) return;
    const fresh = found.items.filter((item) => !shown.has(keyOf(item)) && !waiting.has(keyOf(item)));
    if (since === null && shown.size > 0 && fresh.length === found.items.length) await reload();
    else for (const item of fresh.reverse()) offer(item, words(item));
  }

  more.addEventListener("click", load);
  fresh.addEventListener("click", () => { release(); scrollTo({ top: 0 }); });
  const watching = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && shown.size > 0 && more.textContent === "Show more") load();
  }, { rootMargin: AHEAD });
  watching.observe(more);
  return {
    element,
    load,
    reload,
    offer,
    catchUp,
    withdraw,
    has: (key) => shown.has(key) || waiting.has(key),
    prepend: (item) => { note.replaceChildren(); place(item, { first: true }); number(); },
    end: () => watching.disconnect(),
  };
}

/** What stands in an empty list. */
export const nothing = (title, words, ...further) =>
  h("div", { class: "nothing" }, h("p", { class: "nothing-title" }, title), h("p", {}, words), ...further);
