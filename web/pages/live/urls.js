/** Where the URLs of a text are, by twitter-text's rules (Apache-2.0): what domain/text/urls.py and
 *  domains.py say in Python, for the count while typing. The server has the last word. */

import { CYRILLIC, DOMAIN_STOPS, LATIN_ACCENTS, NON_CHARACTERS, TOP_LEVEL_DOMAINS } from "./rules.js";

const LABEL_MAX = 63;
const TLDS = new Set(TOP_LEVEL_DOMAINS);
const OTHER_TLD_LENGTHS = [...new Set(TOP_LEVEL_DOMAINS.filter((name) => !/^[\x00-\x7f]*$/.test(name))
  .map((name) => name.length))].sort((a, b) => b - a);

const STOPS = new RegExp(`[${DOMAIN_STOPS}]`);
const NOT_BEFORE = new RegExp(`[A-Za-z0-9@\uff20#\uff03$${NON_CHARACTERS}]`);
const NOT_AFTER_TLD = /[A-Za-z0-9@+-]/;
const ASCII_TLD = /(?:[A-Za-z0-9]{1,24}(?![A-Za-z0-9@+-])|xn--[A-Za-z0-9-]+)/iy;
const LATIN_LABELS = new RegExp(`(?:[A-Za-z0-9${LATIN_ACCENTS}-]+\\.)+`, "g");
const PATH = `A-Za-z0-9!*';:=+,.$\\/%#\\[\\]\\-\u2013_~@|&${CYRILLIC}${LATIN_ACCENTS}`;
const PATH_END = `A-Za-z0-9+\\-=_#\\/${CYRILLIC}${LATIN_ACCENTS}`;
const PARENTHESES = `\\((?:[${PATH}]+|[${PATH}]*\\([${PATH}]+\\)[${PATH}]*)\\)`;
const PIECE = `[${PATH}]*(?:${PARENTHESES}[${PATH}]*)*[${PATH_END}]|${PARENTHESES}|@[${PATH}]+\\/`;
const QUERY = "\\?[A-Za-z0-9!?*'@();:&=+$\\/%#\\[\\]\\-_.,~|]*[A-Za-z0-9\\-_&=#\\/]";
const TCO = new RegExp(`^https?://t\\.co/([a-z0-9]+)(?:${QUERY})?`, "i");
const TCO_SLUG_MAX = 40;
const AFTER_DOMAIN = new RegExp(`(?::[0-9]+)?(\\/(?:${PIECE})*)?(?:${QUERY})?`, "y");

/** Every URL as [start, end], in UTF-16 units, in order. */
export function findUrls(text) {
  const urls = [];
  let read = 0;
  let used = 0;
  for (let dot = text.indexOf("."); dot >= 0; dot = text.indexOf(".", read)) {
    let [start, stop] = [dot, dot];
    while (start > read && !STOPS.test(text[start - 1])) start -= 1;
    while (stop < text.length && !STOPS.test(text[stop])) stop += 1;
    used = readRun(text, start, stop, used, urls);
    read = Math.max(stop, used);
  }
  return urls;
}

function readRun(text, start, stop, before, urls) {
  const protocol = protocolStart(text, start, before);
  let used = before;
  for (const [first, last] of domainsIn(text, start, stop, before)) {
    AFTER_DOMAIN.lastIndex = last;
    const after = AFTER_DOMAIN.exec(text);
    const end = last + after[0].length;
    if (first === start && protocol < start) {
      if (fits(text.slice(first, last))) urls.push(...withProtocol(text, protocol, end));
    } else {
      urls.push(...withoutProtocol(text, first, last, after[1] === undefined ? last : end));
    }
    used = end;
    if (end > last) break;
  }
  return used;
}

/** Of Twitter's own short links only the known form counts. */
function withProtocol(text, start, end) {
  const short = TCO.exec(text.slice(start, end));
  if (short === null) return [[start, end]];
  return short[1].length > TCO_SLUG_MAX ? [] : [[start, start + short[0].length]];
}

function protocolStart(text, start, used) {
  const found = /https?:\/\/$/i.exec(text.slice(Math.max(start - 8, 0), start));
  if (found === null) return start;
  const at = start - found[0].length;
  return at === 0 || (at > used && !NOT_BEFORE.test(text[at - 1])) ? at : start;
}

function* domainsIn(text, start, stop, before) {
  let used = before;
  const labels = labelsOf(text, start, stop);
  const tldEnds = labels.slice(1).map(([first]) => tldEnd(text, first));
  const chains = chainEnds(text, labels.slice(1), tldEnds.slice(1));
  for (const [index, tld] of tldEnds.entries()) {
    const [first, last] = labels[index];
    const chain = chains[index];
    if ((!tld && !chain) || "-_.".includes(text[last - 1] ?? ".")) continue;
    const lowest = chain ? first : Math.max(first, text.slice(first, last).lastIndexOf("_") + first + 1);
    const begin = firstStart(text, lowest, last, used);
    if (begin !== null) {
      used = chain || tld;
      yield [begin, used];
    }
  }
}

function labelsOf(text, start, stop) {
  let at = start;
  return text.slice(start, stop).split(".").map((label) => {
    const span = [at, at + label.length];
    at += label.length + 1;
    return span;
  });
}

function chainEnds(text, labels, tldEnds) {
  const ends = labels.map(() => 0);
  let end = 0;
  for (let index = tldEnds.length - 1; index >= 0; index--) {
    const [first, last] = labels[index];
    if (first === last || "-_".includes(text[first]) || "-_".includes(text[last - 1])) end = 0;
    else if (!end && !text.slice(first, last).includes("_")) end = tldEnds[index];
    ends[index] = end;
  }
  return ends;
}

function firstStart(text, lowest, stop, used) {
  for (let at = lowest; at < stop; at++) {
    const free = at === 0 || (at > used && !NOT_BEFORE.test(text[at - 1]));
    if (free && !"-_".includes(text[at])) return at;
  }
  return null;
}

function tldEnd(text, at) {
  ASCII_TLD.lastIndex = at;
  const found = ASCII_TLD.exec(text)?.[0].toLowerCase();
  if (found !== undefined && (TLDS.has(found) || found.startsWith("xn--"))) return at + found.length;
  for (const length of OTHER_TLD_LENGTHS) {
    const end = at + length;
    const name = text.slice(at, end).toLowerCase();
    if (TLDS.has(name) && !NOT_AFTER_TLD.test(text[end] ?? " ")) return Math.min(end, text.length);
  }
  return 0;
}

/** In a name without a protocol only the Latin parts count: the rest may be plain words. */
function withoutProtocol(text, first, last, end) {
  if (first > 0 && "-_./".includes(text[first - 1])) return [];
  const domain = text.slice(first, last);
  if (!fits(domain)) return [];
  const spans = latinDomains(domain).map(([from, to]) => [first + from, first + to]);
  const final = spans.at(-1);
  if (final !== undefined && final[1] === last) final[1] = end;
  return spans;
}

function latinDomains(domain) {
  const spans = [];
  LATIN_LABELS.lastIndex = 0;
  for (let found = LATIN_LABELS.exec(domain); found !== null; found = LATIN_LABELS.exec(domain)) {
    const end = lastTldEnd(domain, found.index, LATIN_LABELS.lastIndex);
    if (end) {
      spans.push([found.index, end]);
      LATIN_LABELS.lastIndex = end;
    }
  }
  return spans;
}

function lastTldEnd(domain, start, behindDot) {
  for (let at = behindDot; at > start; at = domain.lastIndexOf(".", at - 2) + 1) {
    const end = tldEnd(domain, at);
    if (end) return end;
    if (at < 2) break;
  }
  return 0;
}

/** Whether the name fits into DNS. One already in Punycode mixes with other scripts by mistake only. */
function fits(domain) {
  if (!domain.split(".").every((label) => encodedLength(label) <= LABEL_MAX)) return false;
  return !domain.startsWith("xn--") || latinDomains(domain).length > 0;
}

function encodedLength(label) {
  if (/^[\x00-\x7f]*$/.test(label)) return label.length;
  try {
    return new URL(`http://${label}`).hostname.length;
  } catch {
    return LABEL_MAX + 1;
  }
}
