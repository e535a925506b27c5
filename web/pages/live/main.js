/** The page: its frame, which view is shown for an address, and the live stream behind them. */

import { forget, read } from "./api.js";
import { composeDialog } from "./compose.js";
import { discovery } from "./discover.js";
import { h, icon, toast } from "./dom.js";
import { join } from "./joining.js";
import { countUnread, notifications } from "./notifications.js";
import { avatar, name, pathOf } from "./people.js";
import { profile } from "./profile.js";
import { search } from "./search.js";
import { onChange, signedInAs } from "./session.js";
import { accounts, complete, forgetAll, hear, keep, keepAccount, posts, refresh, tell } from "./store.js";
import { listen } from "./stream.js";
import { keepTime } from "./text.js";
import { conversation } from "./thread.js";
import { bookmarks, everyone, home, joinCard } from "./timelines.js";

const VIEWS_KEPT = 6;

const main = document.getElementById("main");
const nav = document.getElementById("nav");

// ---- Which view an address shows

const needsReader = (view) => () => (signedInAs() === null ? everyone() : view());
const PATHS = [
  [/^#\/notifications$/, needsReader(notifications)],
  [/^#\/bookmarks$/, needsReader(bookmarks)],
  [/^#\/explore$/, everyone],
  [/^#\/search\?(.*)$/, (query) => {
    const asked = new URLSearchParams(query);
    return search(asked.get("q") ?? "", asked.get("in") === "people" ? "accounts" : "posts");
  }],
  [/^#\/post\/(\d{1,19})$/, conversation],
  [/^#\/@(\w{1,20})(?:\/(replies|followers|following))?$/, profile],
  [/^/, needsReader(home)],
];

function viewOf(hash) {
  for (const [pattern, make] of PATHS) {
    const found = pattern.exec(hash);
    if (found !== null) return make(...found.slice(1));
  }
  return everyone();
}

// Views that were left stay as they were, so that going back finds the place.
const kept = new Map();
let current = null;

function show({ focus = true } = {}) {
  const key = history.state?.key;
  const back = kept.get(key);
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  if (current !== null) {
    current.scroll = scrollY;
    current.element.hidden = true;
  }
  current = back ?? fresh();
  current.element.hidden = false;
  document.title = `${current.title} · Starling`;
  markCurrent();
  live();
  scrollTo(0, current.scroll);
  if (focus) current.element.querySelector("h1")?.focus({ preventScroll: true });
}

function fresh() {
  const key = `${Date.now()} ${Math.random()}`;
  history.replaceState({ key }, "");
  const view = { ...viewOf(location.hash), scroll: 0 };
  kept.set(key, view);
  main.append(view.element);
  view.load();
  for (const [old, left] of kept) {
    if (kept.size <= VIEWS_KEPT) break;
    drop(old, left);
  }
  return view;
}

function drop(key, view) {
  kept.delete(key);
  view.end();
  view.element.remove();
}

// ---- The frame around it

const link = (path, drawn, words) =>
  h("li", {}, h("a", { href: path, on: { click: again } }, icon(drawn), h("span", {}, words)));

/** The address that is shown already: to its top, with what is new. */
function again(event) {
  if (event.currentTarget.getAttribute("href") !== (location.hash || "#/")) return;
  event.preventDefault();
  current.element.querySelector(".fresh:not([hidden])")?.click();
  scrollTo({ top: 0 });
}

function frame() {
  const account = accounts.get(signedInAs());
  const links = account === undefined
    ? [link("#/", "home", "Everyone")]
    : [link("#/", "home", "Home"), link("#/explore", "explore", "Explore"),
      link("#/notifications", "bell", "Notifications"), link("#/bookmarks", "bookmark", "Bookmarks"),
      link(pathOf(account), "person", "Profile")];
  nav.replaceChildren(h("ul", {}, ...links));
  document.getElementById("me").replaceChildren(...(account === undefined ? guest() : host(account)));
  document.getElementById("discover").replaceChildren(...(account === undefined ? [joinCard()] : []), discovery(), footer());
  document.body.classList.toggle("guest", account === undefined);
}

function host(account) {
  return [
    h("button", { type: "button", class: "main compose", on: { click: composeDialog } }, icon("feather"), h("span", {}, "Post")),
    h("a", { href: pathOf(account), class: "me-link" }, avatar(account), h("span", {}, ...name(account))),
  ];
}

const guest = () => [["up", "Sign up", "main"], ["in", "Sign in", ""]].map(([mode, words, kind]) =>
  h("button", { type: "button", class: kind, on: { click: () => join(mode) } }, words));

const footer = () => h("p", { class: "foot" }, h("a", { href: "/docs" }, "API"), " · ", h("a", { href: "/openapi.json" }, "OpenAPI"));

function markCurrent() {
  for (const one of nav.querySelectorAll("a")) {
    if (one.getAttribute("href") === (location.hash || "#/")) one.setAttribute("aria-current", "page");
    else one.removeAttribute("aria-current");
  }
}

function showUnread(count) {
  const bell = nav.querySelector('[href="#/notifications"]');
  if (bell === null) return;
  bell.querySelector(".badge")?.remove();
  if (count === 0) return;
  const said = count > 99 ? "99+" : String(count);
  bell.append(h("span", { class: "badge" }, h("span", { class: "unseen" }, ", unread: "), said));
}

// ---- What happens live

let silence = () => {};

function hearServer() {
  silence();
  silence = () => {};
  if (signedInAs() === null) return;
  const told = (event) => async (found) => {
    keep({ items: [found] });
    await complete([found]).catch(() => {});
    tell(event, found);
  };
  silence = listen({
    open: ({ resumed }) => { live("on"); if (!resumed) tell("opened"); },
    closed: () => live("off"),
    home: told("home"),
    update: told("changed"),
    delete: (found) => tell(found.post_id === undefined ? "deleted" : "withdrawn", found),
    reset: () => tell("reset"),
    notification: async (found) => {
      await complete([{ author_id: found.actor_id, quote_of_id: found.post_id }]).catch(() => {});
      tell("notification", found);
      const { in_reply_to_id: answered, quote_of_id: quoted } = posts.get(found.post_id) ?? {};
      await refresh([found.post_id, answered, quoted]).catch(() => {});
    },
  });
}

let state = "off";

function live(now = state) {
  state = now;
  for (const light of document.querySelectorAll(".live")) {
    light.dataset.state = state;
    light.textContent = state === "on" ? "Live" : "Connecting …";
  }
}

// ---- Beginning, and beginning again as somebody else

async function begin({ focus }) {
  for (const [key, view] of kept) drop(key, view);
  current = null;
  history.replaceState(null, "");
  forgetAll();
  if (signedInAs() !== null) {
    try {
      keepAccount(await read("/v1/accounts/me"));
    } catch (error) {
      if (signedInAs() === null) return;
      toast(error.message, { wrong: true });
    }
  }
  frame();
  show({ focus });
  countUnread.started ??= countUnread(showUnread);
  hearServer();
}

history.scrollRestoration = "manual";
addEventListener("hashchange", () => { if (location.hash.startsWith("#/") || location.hash === "") show(); });
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
onChange(() => {
  if (signedInAs() === null) forget();
  begin({ focus: true });
});
hear("profiled", () => { frame(); markCurrent(); });

// Within a feed only: elsewhere a single key may belong to somebody's voice control.
const STEPS = { j: 1, PageDown: 1, k: -1, PageUp: -1 };
addEventListener("keydown", (event) => {
  const by = STEPS[event.key];
  const card = event.target.closest("[role=feed] > article");
  if (by === undefined || card !== event.target || event.altKey || event.ctrlKey || event.metaKey) return;
  const next = by > 0 ? card.nextElementSibling : card.previousElementSibling;
  event.preventDefault();
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "nearest" });
});

keepTime();
begin({ focus: false });
