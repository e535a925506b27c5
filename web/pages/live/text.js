/** Texts: what they weigh, what in them is a link, and how times and numbers read. */

import { h } from "./dom.js";
import { EMOJI, URL_WEIGHT, WEIGHT_MAX } from "./rules.js";
import { findUrls } from "./urls.js";

export { WEIGHT_MAX };

const SEQUENCE = new RegExp(EMOJI, "gu");
const LIGHT = /[\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]/u;
const HEAVY = "\uffff";

/** What a text weighs against WEIGHT_MAX, as domain/text/weight.py has it. */
export function weigh(text) {
  const composed = text.normalize("NFC");
  let weight = 0;
  let at = 0;
  for (const [start, end] of findUrls(composed)) {
    weight += weightOfWords(composed.slice(at, start)) + URL_WEIGHT;
    at = end;
  }
  return weight + weightOfWords(composed.slice(at));
}

function weightOfWords(words) {
  let weight = 0;
  for (const character of words.replace(SEQUENCE, HEAVY)) weight += LIGHT.test(character) ? 1 : 2;
  return weight;
}

/** The text of a post with its hashtags, mentions and URLs as links. Offsets count code points. */
export function linked(text, entities) {
  const characters = Array.from(text);
  const parts = [];
  let at = 0;
  for (const { start, end, link } of inOrder(entities)) {
    if (start < at || end > characters.length || start >= end) continue;
    const words = characters.slice(start, end).join("");
    const target = link(words);
    if (target === null) continue;
    parts.push(characters.slice(at, start).join(""), target);
    at = end;
  }
  return [...parts, characters.slice(at).join("")].filter((part) => part !== "");
}

function inOrder({ hashtags, mentions, urls }) {
  return [
    ...hashtags.map((e) => ({ ...e, link: (words) => inside(words, `#/search?q=${encodeURIComponent(`#${e.tag}`)}`) })),
    ...mentions.map((e) => ({ ...e, link: (words) => e.account_id === null ? null : inside(words, `#/@${e.handle}`) })),
    ...urls.map((e) => ({ ...e, link: (words) => outside(words, e.url) })),
  ].sort((a, b) => a.start - b.start);
}

const inside = (words, href) => h("a", { href, class: "entity" }, words);

/** A link to elsewhere, if that is where it leads: to the web and nothing else. */
function outside(words, url) {
  let target;
  try {
    target = new URL(/^https?:\/\//i.test(url) ? url : `https://${url}`);
  } catch {
    return null;
  }
  if (target.protocol !== "https:" && target.protocol !== "http:") return null;
  const attributes = { href: target.href, class: "entity", target: "_blank", rel: "noopener noreferrer nofollow ugc" };
  return h("a", attributes, words.replace(/^https?:\/\//i, ""));
}

const STEPS = [["second", 60], ["minute", 60], ["hour", 24], ["day", 7]];
const SHORT = { second: "s", minute: "m", hour: "h", day: "d" };
const EXACT = new Intl.DateTimeFormat(undefined, { dateStyle: "long", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const DAY_OF_YEAR = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const COUNT = new Intl.NumberFormat(undefined, { notation: "compact" });

function ago(date) {
  let amount = Math.max((Date.now() - date) / 1000, 0);
  for (const [unit, size] of STEPS) {
    if (amount < size) return unit === "second" && amount < 5 ? "now" : `${Math.floor(amount)}${SHORT[unit]}`;
    amount /= size;
  }
  return (date.getFullYear() === new Date().getFullYear() ? DAY : DAY_OF_YEAR).format(date);
}

/** A moment, told by its distance; exact on demand. */
export function when(iso) {
  const date = new Date(iso);
  return h("time", { datetime: iso, title: EXACT.format(date) }, ago(date));
}

export const exactly = (iso) => h("time", { datetime: iso }, EXACT.format(new Date(iso)));
export const monthOf = (iso) =>
  new Intl.DateTimeFormat(undefined, { month: "long", year: "numeric" }).format(new Date(iso));

/** Lets every time on the page grow older. */
export function keepTime() {
  setInterval(() => {
    for (const time of document.querySelectorAll("time[title]")) time.textContent = ago(new Date(time.dateTime));
  }, 30_000);
}

export const short = (number) => COUNT.format(number);

/** The same with the number standing out. */
export const tallied = (number, one, many = `${one}s`) =>
  h("span", {}, h("strong", {}, short(number)), ` ${number === 1 ? one : many}`);

/** "1 like", "12 likes". */
export const counted = (number, one, many = `${one}s`) => `${COUNT.format(number)} ${number === 1 ? one : many}`;
