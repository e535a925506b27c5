/** The views that are timelines: home, everyone's posts, and bookmarks. */

import { composer, post } from "./compose.js";
import { h } from "./dom.js";
import { discovery, suggestionRows } from "./discover.js";
import { join, joinForm } from "./joining.js";
import { list, nothing } from "./lists.js";
import { person } from "./people.js";
import { postCard } from "./posts.js";
import { signedInAs } from "./session.js";
import { hear } from "./store.js";

const POLL_MS = 10_000;

const newPost = (item) => `New post by ${person(item.reposted_by_id ?? item.author_id).display_name}`;

/** A heading that the focus can go to when the view is shown. */
export const heading = (words, ...beside) =>
  h("div", { class: "view-head" }, h("h1", { tabindex: "-1" }, words), ...beside);

/** Home: what oneself and those one follows post, as it happens. */
export function home() {
  const stop = new AbortController();
  const timeline = list({
    path: "/v1/timelines/home",
    label: "Home timeline",
    render: (item) => postCard(item),
    empty: () => nothing("Your home is quiet", "Follow somebody, and what they post arrives here by itself.",
      suggestionRows(), h("a", { href: "#/explore", class: "button" }, "See what everyone posts")),
  });
  const { signal } = stop;
  hear("posted", (made) => belongsHome(made) && timeline.prepend(made), { signal });
  hear("home", (item) => {
    const own = [item.author_id, item.reposted_by_id].includes(signedInAs());
    if (timeline.has(item.id) && (own || item.reposted_by_id === null)) return;
    timeline.offer(item, newPost(item));
  }, { signal });
  hear("withdrawn", ({ id }) => timeline.withdraw(id), { signal });
  for (const news of ["reset", "follows"]) hear(news, timeline.reload, { signal });
  hear("opened", () => timeline.catchUp(newPost), { signal });
  const element = h("div", {},
    heading("Home", h("span", { class: "live" })),
    composer({ label: "What is happening?", action: "Post", send: post }),
    timeline.element);
  return { title: "Home", element, load: timeline.load, end: () => { stop.abort(); timeline.end(); } };
}

const belongsHome = (made) => made.kind === "tweet" || made.in_reply_to_author_id === signedInAs();

/** Everyone's posts; to who is not signed in, with a word of welcome. */
export function everyone() {
  const stop = new AbortController();
  let newest = "0";
  const seen = (item) => { if (BigInt(item.item_id) > BigInt(newest)) newest = item.item_id; };
  const timeline = list({
    path: "/v1/timelines/public",
    label: "Everyone's posts",
    render: (item) => { seen(item); return postCard(item); },
    empty: () => nothing("Nobody has posted yet", "Be the first."),
  });
  hear("posted", (made) => made.kind === "tweet" && timeline.prepend({ item_id: made.id, ...made }), { signal: stop.signal });
  const element = h("div", {}, signedInAs() === null ? welcome() : null,
    heading("Everyone"), h("div", { class: "only-narrow" }, discovery()), timeline.element);
  const look = () => {
    if (!document.hidden && !element.closest("[hidden]") && newest !== "0") timeline.catchUp(newPost, newest);
  };
  const polling = setInterval(look, POLL_MS);
  return {
    title: "Everyone",
    element,
    load: timeline.load,
    end: () => { clearInterval(polling); stop.abort(); timeline.end(); },
  };
}

function welcome() {
  const button = (mode, words, kind) => h("button", { type: "button", class: kind, on: { click: () => join(mode) } }, words);
  return h("section", { class: "welcome", "aria-label": "Welcome" },
    h("p", { class: "welcome-title" }, "A murmuration of small posts."),
    h("p", {}, "Follow people, and their posts reach you the moment they are written. Nothing decides for you what to see."),
    h("div", { class: "buttons only-narrow" }, button("up", "Sign up", "main"), button("in", "Sign in", "")));
}

/** The card beside the timeline through which one joins. */
export function joinCard() {
  const signIn = h("button", { type: "button", class: "link", on: { click: () => join("in") } }, "Sign in");
  return h("section", { class: "card", "aria-label": "Join" },
    h("h2", {}, "New here?"), joinForm("up"), h("p", { class: "aside" }, "Here already? ", signIn));
}

/** What the reader keeps. */
export function bookmarks() {
  const kept = list({
    path: "/v1/bookmarks",
    label: "Bookmarks",
    render: (item) => postCard(item),
    empty: () => nothing("Nothing kept yet", "Bookmark a post to find it here. Nobody else sees it."),
  });
  return { title: "Bookmarks", element: h("div", {}, heading("Bookmarks"), kept.element), load: kept.load, end: kept.end };
}
