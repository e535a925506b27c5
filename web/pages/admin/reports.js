/** Reported posts, who is suspended, what is hidden: the lists of moderators. */

import { field } from "../live/dialogs.js";
import { h } from "../live/dom.js";
import { accounts, posts } from "../live/store.js";
import { exactly } from "../live/text.js";
import { ask } from "./acting.js";
import { listing } from "./listing.js";

const RESOLUTION_MAX = 200;
const LISTS = {
  open: ["Open", "/v1/admin/reports", report, "No open reports"],
  resolved: ["Resolved", "/v1/admin/reports?state=resolved", report, "No resolved reports"],
  suspensions: ["Suspended", "/v1/admin/suspensions", suspension, "Nobody is suspended"],
  hidden: ["Hidden posts", "/v1/admin/hidden-posts", hiddenPost, "No post is hidden"],
};

/** The view of one of the lists. */
export function reports(which = "open") {
  const [, path, render, none] = LISTS[which];
  const container = h("ul", { class: "rows", "aria-label": "Moderation" });
  const found = listing({
    path, container,
    render: (item) => render(item, () => found.restart()),
    empty: () => h("div", { class: "nothing" }, h("p", { class: "nothing-title" }, none)),
  });
  const tab = ([name, [words]]) => h("a", { href: `#/reports/${name}`, "aria-current": name === which ? "page" : null }, words);
  const element = h("div", {}, h("div", { class: "view-top" }, h("h1", { tabindex: "-1" }, "Moderation")),
    h("div", { class: "panel flush" }, h("nav", { class: "tabs", "aria-label": "Lists" }, ...Object.entries(LISTS).map(tab)), found.element));
  return { element, title: "Moderation", show: () => {}, load: found.load, end: found.end };
}

/** Who has the id, as a link to their profile. */
export function whoIs(id) {
  if (id === "0") return h("span", {}, "the operator");
  const account = accounts.get(id);
  return account === undefined
    ? h("span", { class: "soft" }, `account ${id}`)
    : h("a", { href: `/#/@${account.handle}` }, h("bdi", {}, `@${account.handle}`));
}

function quoted(id) {
  const post = posts.get(id);
  return h("blockquote", { class: "quoted-post" },
    h("p", {}, post?.text ?? "The post is not there any more."),
    h("a", { class: "soft", href: `/#/post/${id}` }, "Open the post"));
}

const act = (words, how) => h("button", { type: "button", class: how.danger ? "danger" : "", on: { click: () => ask(how) } }, words);

function report(item, after) {
  const outcome = item.state === "resolved"
    ? h("p", {}, "Resolved by ", whoIs(item.resolved_by_id), ": ", item.resolution, " ", exactly(item.resolved_at))
    : h("div", { class: "buttons" },
      act("Resolve …", { title: "Resolve the report", words: "What became of it, in your words.", action: "Resolve", path: `/v1/admin/reports/${item.id}/resolve`, reason: null, said: "Resolved", after,
        asked: () => ({ resolution: field("Resolution", { maxlength: RESOLUTION_MAX }, "Left out it says “resolved”") }) }),
      act("Hide the post …", hiding(item.post_id, after)),
      act("Suspend the author …", suspending(item.post_author_id, after)));
  return h("li", { class: "report" },
    h("div", { class: "row-head" }, h("strong", {}, item.reason), h("span", { class: "soft" }, "a post of ", whoIs(item.post_author_id), ", reported by ", whoIs(item.reporter_id), " ", exactly(item.created_at))),
    item.comment === "" ? null : h("p", {}, item.comment),
    quoted(item.post_id), outcome);
}

const hiding = (id, after) => ({ title: "Hide the post", words: "Nobody sees it from now on, in any list. It can be shown again.", action: "Hide", method: "PUT", path: `/v1/admin/posts/${id}/hidden`, said: "Hidden", after });
const suspending = (id, after) => ({ title: "Suspend the account", words: "It can neither sign in nor do anything, and nobody sees it, until the suspension is lifted.", action: "Suspend", method: "PUT", path: `/v1/admin/accounts/${id}/suspension`, said: "Suspended", after });

function suspension(item, after) {
  return h("li", { class: "report" },
    h("div", { class: "row-head" }, whoIs(item.account_id), h("span", { class: "soft" }, "by ", whoIs(item.by_id), " ", exactly(item.created_at))),
    item.reason === "" ? null : h("p", {}, item.reason),
    h("div", { class: "buttons" }, act("Lift …", { title: "Lift the suspension", words: "The account can sign in again and is seen again.", action: "Lift", method: "DELETE", path: `/v1/admin/accounts/${item.account_id}/suspension`, reason: null, said: "Lifted", after })));
}

function hiddenPost(item, after) {
  return h("li", { class: "report" },
    h("div", { class: "row-head" }, h("span", {}, "A post of ", whoIs(item.author_id)), h("span", { class: "soft" }, "hidden by ", whoIs(item.by_id), " ", exactly(item.created_at))),
    item.reason === "" ? null : h("p", {}, item.reason), quoted(item.post_id),
    h("div", { class: "buttons" }, act("Show again …", { title: "Show the post again", words: "Everybody sees it again where they saw it before.", action: "Show", method: "DELETE", path: `/v1/admin/posts/${item.post_id}/hidden`, reason: null, said: "Shown again", after })));
}
