/** Writing: a text with its count, for a post, a reply, a quote or an edit. */

import { command } from "./api.js";
import { openDialog } from "./dialogs.js";
import { announce, freshId, h, ring } from "./dom.js";
import { person } from "./people.js";
import { changePost, posts, tell } from "./store.js";
import { WEIGHT_MAX, weigh } from "./text.js";

const NEAR = 20;

/** A form that sends a text. `send` gets it; `after` what came of it. */
export function composer({ label, action, send, after = () => {}, text = "", autofocus = false }) {
  const id = freshId("compose");
  const area = h("textarea", {
    id, rows: 2, placeholder: label, dir: "auto", autofocus, "aria-describedby": `${id}-count ${id}-wrong`,
  });
  area.value = text;
  const count = counter(`${id}-count`);
  const wrong = h("p", { id: `${id}-wrong`, class: "wrong", role: "alert" });
  const button = h("button", { type: "submit", class: "main" }, action);
  const form = h("form", { class: "composer" },
    h("label", { for: id, class: "unseen" }, label), area, wrong,
    h("div", { class: "composer-foot" }, count.element, button));

  const show = () => {
    const fits = count.show(area.value) && area.value.trim() !== "";
    button.setAttribute("aria-disabled", String(!fits || form.hasAttribute("aria-busy")));
    return fits;
  };
  const submit = async () => {
    if (!show() || form.hasAttribute("aria-busy")) return;
    form.setAttribute("aria-busy", "true");
    wrong.textContent = "";
    try {
      const result = await send(area.value);
      area.value = "";
      after(result);
    } catch (error) {
      wrong.textContent = error.message;
      area.focus();
    } finally {
      form.removeAttribute("aria-busy");
      show();
    }
  };
  area.addEventListener("input", () => { wrong.textContent = ""; show(); });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submit();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  show();
  return form;
}

/** How much room is left; said aloud only where it gets tight. */
function counter(id) {
  const { element: drawn, fill } = ring();
  const number = h("span", { "aria-hidden": "true" });
  const words = h("span", { id, class: "unseen" });
  const element = h("div", { class: "count" }, drawn, number, words);
  let told = "";
  const show = (text) => {
    const left = WEIGHT_MAX - weigh(text);
    fill(1 - left / WEIGHT_MAX);
    number.textContent = left;
    words.textContent = `${left} of ${WEIGHT_MAX} left`;
    element.dataset.state = left < 0 ? "over" : left <= NEAR ? "near" : "fine";
    const telling = left < 0 ? "The text is too long" : left <= NEAR ? `${NEAR} or fewer left` : "";
    if (telling !== told && telling !== "") announce(telling);
    told = telling;
    return left >= 0;
  };
  return { element, show };
}

/** Posts a tweet. */
export async function post(text, quoted = null) {
  const body = quoted === null ? { text } : { text, quote_of_id: quoted.id };
  const made = await command("POST", "/v1/tweets", body);
  return published(made, quoted && { of: quoted.id, count: "quotes" });
}

/** Answers a post. */
export async function reply(text, to) {
  const made = await command("POST", `/v1/posts/${to.id}/replies`, { text });
  return published(made, { of: to.id, count: "replies" });
}

function published(made, counted) {
  posts.set(made.id, { viewer: { liked: false, reposted: false, bookmarked: false }, ...made });
  if (counted) {
    changePost(counted.of, ({ counts }) => ({ counts: { ...counts, [counted.count]: counts[counted.count] + 1 } }));
  }
  tell("posted", posts.get(made.id));
  announce("Sent");
  return made;
}

/** Dialogs around the same form. */
export function composeDialog() {
  writing("New post", { label: "What is happening?", action: "Post", send: post });
}

export function replyDialog(to, excerpt) {
  const { handle } = person(to.author_id);
  writing(`Reply to @${handle}`, { label: "Your reply", action: "Reply", send: (text) => reply(text, to) }, excerpt);
}

export function quoteDialog(quoted, excerpt) {
  writing("Quote", { label: "Your comment", action: "Post", send: (text) => post(text, quoted) }, null, excerpt);
}

export function editDialog(edited) {
  const kind = edited.kind === "reply" ? "replies" : "tweets";
  const send = async (text) => {
    const headers = { "If-Match": `"${edited.version}"` };
    const changed = await command("PATCH", `/v1/${kind}/${edited.id}`, { text }, { headers });
    changePost(edited.id, () => ({
      text: changed.text, entities: changed.entities, version: changed.version, edited_at: changed.edited_at,
    }));
  };
  writing("Edit", { label: "New text", action: "Save", text: edited.text, send });
}

function writing(title, options, above = null, below = null) {
  openDialog(title, (done) => {
    const form = composer({ ...options, after: done, autofocus: true });
    return h("div", {}, above, form, below);
  }, { wide: true });
}
