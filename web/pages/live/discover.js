/** What leads further: search, trends, and whom to follow. */

import { page, read } from "./api.js";
import { h } from "./dom.js";
import { personRow } from "./people.js";
import { signedInAs } from "./session.js";
import { keep } from "./store.js";
import { counted } from "./text.js";

const TRENDS = 8;
const PEOPLE = 4;

/** A search field that leads to the results: posts, or people. */
export function searchForm(query = "", kind = "posts") {
  const input = h("input", { type: "search", name: "q", placeholder: "Search", "aria-label": "Search posts and people", maxlength: 500 });
  input.value = query;
  const form = h("form", { role: "search", class: "search" }, input);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = input.value.trim();
    const further = kind === "posts" ? "" : "&in=people";
    if (asked !== "") location.hash = `#/search?q=${encodeURIComponent(asked)}${further}`;
  });
  return form;
}

/** Search, trends and suggestions, one below the other. */
export const discovery = () => h("div", { class: "discovery" }, searchForm(), trends(), suggestions());

function trends() {
  const card = h("section", { class: "card", "aria-label": "Trends", hidden: true }, h("h2", {}, "Trends"));
  later(card, async () => {
    const { items } = await read(`/v1/trends?limit=${TRENDS}`);
    const rows = items.map(({ tag, count }) => h("li", {},
      h("a", { href: `#/search?q=${encodeURIComponent(`#${tag}`)}` },
        h("bdi", { class: "trend" }, `#${tag}`), h("span", { class: "soft" }, counted(count, "post")))));
    return rows.length === 0 ? null : h("ol", { class: "trends" }, ...rows);
  });
  return card;
}

function suggestions() {
  const card = h("section", { class: "card suggestions", "aria-label": "Whom to follow", hidden: true }, h("h2", {}, "Whom to follow"));
  later(card, people);
  return card;
}

/** The same people without the card around them. */
export function suggestionRows() {
  const rows = h("div", { class: "suggestion-rows", hidden: true });
  later(rows, people);
  return rows;
}

/** Friends of friends; to who has none yet, those who post. */
async function people() {
  const found = signedInAs() === null ? [] : (keep(await page(`/v1/suggestions?limit=${PEOPLE}`))).items;
  for (const account of found) keep({ includes: { accounts: [account] } });
  const chosen = found.length > 0 ? found : await authors();
  return chosen.length === 0 ? null : h("div", {}, ...chosen.map((account) => personRow(account, { bio: false })));
}

async function authors() {
  const { items, includes } = keep(await page("/v1/timelines/public?limit=50"));
  const writing = new Set(items.map((item) => item.author_id));
  return includes.accounts
    .filter((account) => writing.has(account.id) && account.id !== signedInAs() && !account.viewer?.following)
    .sort((a, b) => b.counts.followers - a.counts.followers)
    .slice(0, PEOPLE);
}

/** Shows an element once there is something in it. It is no loss if there is not. */
async function later(element, make) {
  try {
    const made = await make();
    if (made !== null) element.append(made);
    element.hidden = made === null;
  } catch {
    element.hidden = true;
  }
}
