/** One post as a card: who, what, when, and what the reader can do about it. */

import { command } from "./api.js";
import { editDialog, quoteDialog, replyDialog } from "./compose.js";
import { confirmed } from "./dialogs.js";
import { freshId, h, icon, toast } from "./dom.js";
import { mayAct } from "./joining.js";
import { menu } from "./menu.js";
import { avatar, name, pathOf, person } from "./people.js";
import { signedInAs } from "./session.js";
import { changePost, hear, posts, tell } from "./store.js";
import { counted, exactly, linked, short, when } from "./text.js";

const TOGGLES = {
  repost: { field: "reposted", count: "reposts", one: "repost", label: "Repost" },
  like: { field: "liked", count: "likes", one: "like", label: "Like" },
  bookmark: { field: "bookmarked", count: null, one: null, label: "Bookmark" },
};

/** A card. `item` is a post or a timeline item; a large card is the one a page is about. In a thread
 *  it need not be said whom a post answers. */
export function postCard(item, { large = false, thread = null } = {}) {
  const post = posts.get(item.id) ?? item;
  const author = person(post.author_id);
  const [who, words] = [freshId("who"), freshId("words")];
  const card = h("article", {
    class: ["post", large && "large", thread].filter(Boolean).join(" "), "data-post": post.id, tabindex: "0",
    "aria-labelledby": `${who} ${words}`,
  },
    thread === null ? context(item) : null,
    h("a", { href: pathOf(author), class: "face", tabindex: "-1", "aria-hidden": "true" }, avatar(author)),
    h("div", { class: "post-head" },
      h("a", { href: pathOf(author), class: "who", id: who }, ...name(author)),
      large ? null : h("a", { href: `#/post/${post.id}`, class: "when" }, when(post.created_at)),
      h("span", { class: "edited" }), more(post, author)),
    h("div", { class: "text", dir: "auto", id: words }),
    quoteOf(post),
    large ? h("p", { class: "exactly" }, exactly(post.created_at)) : null,
    actions(post));
  fill(card, post);
  if (!large) opens(card, post);
  return card;
}

/** A post within another one, or above a reply: no more than who said what. */
function excerpt(post) {
  const author = person(post.author_id);
  return h("blockquote", { class: "excerpt", "data-post": post.id },
    h("p", { class: "post-head" }, avatar(author, "small"), ...name(author), " ", when(post.created_at)),
    h("p", { class: "text", dir: "auto" }, post.text));
}

function context(item) {
  if (item.reposted_by_id) {
    const reposter = person(item.reposted_by_id);
    return h("p", { class: "context" }, icon("repost"),
      h("a", { href: pathOf(reposter) }, h("bdi", {}, reposter.display_name), " reposted"));
  }
  if (item.in_reply_to_author_id && item.in_reply_to_author_id !== item.author_id) {
    const { handle } = person(item.in_reply_to_author_id);
    if (!handle) return null;
    return h("p", { class: "context" }, icon("reply"),
      h("a", { href: `#/post/${item.in_reply_to_id}` }, "In reply to ", h("bdi", {}, `@${handle}`)));
  }
  return null;
}

function quoteOf(post) {
  if (post.quote_of_id === null) return null;
  const quoted = posts.get(post.quote_of_id);
  if (quoted === undefined) return h("p", { class: "excerpt gone" }, "The quoted post is not there (any more).");
  return h("a", { href: `#/post/${quoted.id}`, class: "quoted" }, excerpt(quoted));
}

/** What changes with time: the text, whether it was edited, the counts. */
function fill(card, post) {
  card.querySelector(":scope > .text").replaceChildren(...linked(post.text, post.entities));
  card.querySelector(".edited").textContent = post.edited_at === null ? "" : "edited";
  for (const button of card.querySelectorAll(":scope > .actions [data-action]")) paint(button, post);
}

function paint(button, post) {
  const { action } = button.dataset;
  const number = button.querySelector(".number");
  if (action === "reply") {
    number.textContent = post.counts.replies ? short(post.counts.replies) : "";
    button.setAttribute("aria-label", `Reply, ${counted(post.counts.replies, "reply", "replies")}`);
    return;
  }
  const { field, count, one, label } = TOGGLES[action];
  button.setAttribute("aria-pressed", String(post.viewer?.[field] ?? false));
  button.setAttribute("aria-label", count === null ? label : `${label}, ${counted(post.counts[count], one)}`);
  if (count !== null) number.textContent = post.counts[count] ? short(post.counts[count]) : "";
}

function actions(post) {
  const button = (action, act) => h("button", { type: "button", "data-action": action, on: { click: act } },
    icon(action), h("span", { class: "number" }));
  return h("div", { class: "actions", role: "group", "aria-label": "Actions" },
    button("reply", () => mayAct() && replyDialog(posts.get(post.id), excerpt(posts.get(post.id)))),
    ...Object.keys(TOGGLES).map((action) => button(action, () => toggle(post.id, action))));
}

const busy = new Set();

async function toggle(id, action) {
  if (!mayAct()) return;
  const doing = `${action} ${id}`;
  if (busy.has(doing)) return;
  busy.add(doing);
  const { field, count } = TOGGLES[action];
  const on = !(posts.get(id)?.viewer?.[field] ?? false);
  const set = (value) => changePost(id, ({ viewer, counts }) => ({
    viewer: { ...viewer, [field]: value },
    counts: count === null ? counts : { ...counts, [count]: Math.max(counts[count] + (value ? 1 : -1), 0) },
  }));
  set(on);
  try {
    await command(on ? "PUT" : "DELETE", `/v1/posts/${id}/${action}`);
    if (action === "bookmark") toast(on ? "Added to your bookmarks" : "Removed from your bookmarks");
  } catch (error) {
    set(!on);
    toast(error.message, { wrong: true });
  } finally {
    busy.delete(doing);
  }
}

function more(post, author) {
  return menu(`More about the post of @${author.handle}`, () => {
    const now = posts.get(post.id) ?? post;
    const own = [["Edit", () => editDialog(now)], ["Delete", () => remove(now), "danger"]];
    return [
      ["Quote", () => mayAct() && quoteDialog(now, excerpt(now))],
      ["Copy link", () => copyLink(post.id)],
      ...(post.author_id === signedInAs() ? own : []),
    ];
  });
}

async function copyLink(id) {
  const link = new URL(`#/post/${id}`, location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    toast("The link is copied");
  } catch {
    toast(link);
  }
}

async function remove(post) {
  if (!(await confirmed("Delete this post?", "It goes for everybody and cannot be brought back.", "Delete"))) return;
  try {
    await command("DELETE", `/v1/${post.kind === "reply" ? "replies" : "tweets"}/${post.id}`);
    tell("deleted", { id: post.id });
    toast("Deleted");
  } catch (error) {
    toast(error.message, { wrong: true });
  }
}

/** A click on nothing else, or Enter, leads to the conversation. */
function opens(card, post) {
  const open = () => { location.hash = `#/post/${post.id}`; };
  card.addEventListener("click", (event) => {
    if (event.target.closest("a, button, summary, details") || String(getSelection()) !== "") return;
    open();
  });
  card.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === card) open();
  });
}

const cardsOf = (id) => document.querySelectorAll(`article[data-post="${CSS.escape(id)}"]`);

hear("changed", (post) => {
  for (const card of cardsOf(post.id)) fill(card, post);
});

hear("deleted", ({ id }) => {
  posts.delete(id);
  for (const card of cardsOf(id)) {
    if (card.contains(document.activeElement)) {
      (card.nextElementSibling ?? document.getElementById("main")).focus();
    }
    card.remove();
  }
});
