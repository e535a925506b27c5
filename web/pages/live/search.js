/** What was searched for: posts or people. */

import { h } from "./dom.js";
import { searchForm } from "./discover.js";
import { list, nothing } from "./lists.js";
import { personRow } from "./people.js";
import { postCard } from "./posts.js";
import { keepAccount } from "./store.js";
import { heading } from "./timelines.js";

/** The view of a search; `kind` is "posts" or "accounts". */
export function search(query, kind) {
  const asked = encodeURIComponent(query);
  const found = list({
    path: `/v1/search/${kind}?q=${asked}`,
    label: `Found: ${query}`,
    role: kind === "posts" ? "feed" : "group",
    render: (item) => (kind === "posts" ? postCard(item) : personRow(keepAccount(item))),
    empty: () => nothing("Nothing found", kind === "posts"
      ? "Try other words, #tags, from:handle, since:2024-01-31 or -word."
      : "Try another part of the name or handle."),
  });
  const tab = (words, value, path) => h("a", { href: path, "aria-current": kind === value ? "page" : null }, words);
  const element = h("div", {}, heading("Search"), searchForm(query, kind),
    h("nav", { class: "tabs", "aria-label": "Search" },
      tab("Posts", "posts", `#/search?q=${asked}`), tab("People", "accounts", `#/search?q=${asked}&in=people`)),
    found.element);
  return { title: `Search: ${query}`, element, load: found.load, end: found.end };
}
