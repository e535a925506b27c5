/** Frame of the administrators' page: who is in, which section is shown, and the watch behind all. */

import { forget, read } from "../live/api.js";
import { announce, h, toast } from "../live/dom.js";
import { joinForm, leave } from "../live/joining.js";
import { accessToken, onChange, signedInAs } from "../live/session.js";
import { forgetAll } from "../live/store.js";
import { audit } from "./audit.js";
import { letters } from "./letters.js";
import { projection } from "./projection.js";
import { projections } from "./projections.js";
import { reports } from "./reports.js";
import { watch } from "./watching.js";
import { number, spoken } from "./words.js";
import { titleOf } from "./work.js";

const SECTIONS = [["#/", "Projections"], ["#/dead-letters", "Dead letters"], ["#/reports", "Moderation"], ["#/audit", "Audit trail"]];
const PATHS = [
  [/^#\/projections\/([a-z_]{1,40})$/, (name) => projection(name, tools)],
  [/^#\/dead-letters(?:\/([a-z_]{1,40}))?$/, (name) => letters(name, tools)],
  [/^#\/reports(?:\/(open|resolved|suspensions|hidden))?$/, (which) => reports(which)],
  [/^#\/audit$/, () => audit()],
  [/^/, () => projections(tools)],
];

const main = document.getElementById("main");
const sections = document.getElementById("sections");
const tools = { look: () => watching?.look(), names: () => [...(watching?.state.items.keys() ?? [])] };
let watching = null;
let view = null;
let admitted = false;
let account = null;

// ---- What is shown

function put(made, { focus = false } = {}) {
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  view?.end();
  view = made;
  main.replaceChildren(view.element);
  document.title = `${view.title} · Starling`;
  markCurrent();
  view.load();
  if (watching !== null) view.show(watching.state);
  scrollTo(0, 0);
  if (focus) view.element.querySelector("h1")?.focus({ preventScroll: true });
}

function route({ focus = true } = {}) {
  if (!admitted) return;
  for (const [pattern, make] of PATHS) {
    const found = pattern.exec(location.hash);
    if (found === null) continue;
    put(make(...found.slice(1)), { focus });
    return;
  }
}

function markCurrent() {
  for (const one of sections.querySelectorAll("a")) {
    const href = one.getAttribute("href");
    const here = href === "#/" ? !/^#\/(dead-letters|reports|audit)/.test(location.hash) : location.hash.startsWith(href);
    if (here) {
      one.setAttribute("aria-current", "page");
      sections.scrollLeft = one.offsetLeft - sections.offsetLeft - sections.clientWidth / 2 + one.offsetWidth / 2;
    } else one.removeAttribute("aria-current");
  }
}

function frame() {
  const link = ([href, words]) => h("a", { href }, words);
  sections.replaceChildren(...(admitted ? SECTIONS.map(link) : []), h("a", { href: "/docs" }, "API"));
  document.getElementById("who").replaceChildren(...(signedInAs() === null ? [] : [
    account === null ? "" : h("a", { class: "soft", href: `/#/@${account.handle}` }, h("bdi", {}, `@${account.handle}`)),
    h("button", { type: "button", on: { click: leave } }, "Sign out"),
  ]));
  markCurrent();
}

function countLetters(items) {
  const count = items.reduce((sum, item) => sum + item.dead_letters, 0);
  const link = sections.querySelector('[href="#/dead-letters"]');
  if (link === null || link.dataset.count === String(count)) return;
  link.dataset.count = count;
  link.querySelector(".number")?.remove();
  if (count > 0) link.append(h("span", { class: "number" }, h("span", { class: "unseen" }, ", waiting: "), number(count)));
}

// ---- Works that end while something else is looked at

const states = new Map();

function tellEnds(items) {
  for (const { name, work } of items) {
    const before = states.get(name);
    states.set(name, work?.state);
    if (before !== "running" || work === null || work.state === "running") continue;
    toast(`${spoken(name)}: ${titleOf(work)}`, { wrong: ["failed", "different"].includes(work.state) });
  }
}

// ---- Who may be here

const plain = (title, ...children) => ({
  element: h("div", { class: "gate" }, h("div", { class: "panel" }, h("h1", { tabindex: "-1" }, title), ...children)),
  title, show: () => {}, load: () => {}, end: () => {},
});

const signIn = () => plain("Sign in", h("p", { class: "soft" }, "This page is for administrators of this server."), joinForm("in"),
  h("p", { class: "aside" }, h("a", { href: "/" }, "To Starling itself")));

const refused = (problem) => plain("This page is for administrators",
  h("p", {}, `Your account${account === null ? "" : ` @${account.handle}`} is not one of them. Nothing is wrong with it, and nothing was changed.`),
  problem.kind === "not-allowed" ? null : h("p", { class: "wrong" }, problem.message),
  h("p", { class: "soft" }, "Who runs the server can give the role:"),
  h("p", {}, h("code", {}, `starling admin grant ${account?.handle ?? "HANDLE"}`)),
  h("div", { class: "buttons" },
    h("button", { type: "button", class: "main", on: { click: () => begin({ renewed: true, focus: true }) } }, "I have the role now"),
    h("a", { class: "button", href: "/" }, "To Starling itself")));

/** Begins as who is signed in now. A role that was given since is in the next access token. */
async function begin({ renewed = false, focus = false } = {}) {
  watching?.end();
  [watching, admitted, account] = [null, false, null];
  states.clear();
  forgetAll();
  frame();
  if (signedInAs() === null) {
    put(signIn(), { focus });
    return;
  }
  if (renewed) await accessToken(await accessToken()).catch(() => {});
  account = await read("/v1/accounts/me", { tries: 2 }).catch(() => null);
  if (signedInAs() === null) return;
  let first = true;
  const begun = watch((state) => {
    if (begun !== watching) return;
    if (state.problem?.status === 403) {
      begun.end();
      if (renewed) turnAway(state.problem, focus);
      else begin({ renewed: true, focus });
      return;
    }
    if (first) {
      first = false;
      admitted = true;
      frame();
      route({ focus });
    }
    hear(state);
  });
  watching = begun;
}

function turnAway(problem, focus) {
  watching = null;
  admitted = false;
  frame();
  put(refused(problem), { focus });
}

let wasHere = true;

function hear(state) {
  const items = [...state.items.values()];
  if (state.here !== wasHere) announce(state.here ? "The server answers again" : "The server does not answer; trying again");
  wasHere = state.here;
  countLetters(items);
  tellEnds(items);
  view.show(state);
}

addEventListener("hashchange", () => { if (location.hash.startsWith("#/") || location.hash === "") route(); });
document.getElementById("skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
onChange(() => {
  if (signedInAs() === null) forget();
  begin({ focus: true });
});
begin();
