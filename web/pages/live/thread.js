/** One conversation: the way down from its first post, the post itself, and the replies to it. */

import { page } from "./api.js";
import { composer, reply } from "./compose.js";
import { h, put, toast } from "./dom.js";
import { nothing } from "./lists.js";
import { person } from "./people.js";
import { postCard } from "./posts.js";
import { signedInAs } from "./session.js";
import { hear, keep } from "./store.js";
import { heading } from "./timelines.js";
import { tallied } from "./text.js";

/** The view around one post. */
export function conversation(id) {
  const stop = new AbortController();
  const above = h("div", { class: "ancestors" });
  const focal = h("div", {});
  const replies = h("div", { class: "list", role: "feed", "aria-label": "Replies" });
  const foot = h("div", {});
  const element = h("div", {}, heading("Conversation"), above, focal, replies, foot);

  async function load() {
    let found;
    try {
      found = await page(`/v1/posts/${id}/conversation`);
    } catch (error) {
      focal.replaceChildren(nothing(error.status === 404 ? "This post is not there" : "This did not work", error.message));
      return;
    }
    remember(found);
    above.replaceChildren(...found.ancestors.map(ancestor));
    put(focal, postCard(found.post, { large: true, thread: "focal" }), tally(found.post), answerForm(found.post));
    show(found);
    if (found.ancestors.length > 0) focal.firstElementChild.scrollIntoView({ block: "start" });
  }

  function show(found) {
    replies.append(...found.replies.map((post) => postCard(post, { thread: "answer" })));
    foot.replaceChildren();
    if (found.next === null) return;
    const more = h("button", { type: "button", class: "more" }, "Show more replies");
    more.addEventListener("click", () => page(found.next).then(
      (further) => { remember(further); show(further); },
      (error) => toast(error.message, { wrong: true })));
    foot.append(more);
  }

  hear("posted", (made) => {
    if (made.in_reply_to_id === id) replies.append(postCard(made, { thread: "answer" }));
  }, { signal: stop.signal });
  return { title: "Conversation", element, load, end: () => stop.abort() };
}

function remember(found) {
  keep({ items: [...found.ancestors, found.post, ...found.replies], includes: found.includes });
}

function ancestor(post) {
  if (post.deleted) return h("p", { class: "gone" }, "This post is not there any more.");
  return postCard(post, { thread: "threaded" });
}

function tally(post) {
  const parts = [["reposts", "repost"], ["quotes", "quote"], ["likes", "like"]]
    .filter(([many]) => post.counts[many] > 0)
    .map(([many, one]) => tallied(post.counts[many], one));
  return parts.length === 0 ? null : h("p", { class: "tally" }, ...parts);
}

function answerForm(post) {
  if (signedInAs() === null) return null;
  const { handle } = person(post.author_id);
  return composer({ label: `Reply to @${handle}`, action: "Reply", send: (text) => reply(text, post) });
}
