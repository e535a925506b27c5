/** Modal dialogs: the browser keeps the focus inside and gives it back. */

import { freshId, h, icon } from "./dom.js";

/** Opens a dialog with a title; `fill` makes its content and is given what closes it. */
export function openDialog(title, fill, { wide = false } = {}) {
  const labelled = freshId("dialog");
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Close" }, icon("close"));
  const dialog = h("dialog", { "aria-labelledby": labelled, class: wide ? "wide" : null },
    h("div", { class: "dialog-head" }, h("h2", { id: labelled }, title), close));
  const done = () => dialog.close();
  close.addEventListener("click", done);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(fill(done));
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
  return dialog;
}

/** Asks before what cannot be taken back. */
export function confirmed(title, words, action) {
  return new Promise((resolve) => {
    const dialog = openDialog(title, (done) => {
      const yes = h("button", { type: "button", class: "danger" }, action);
      const no = h("button", { type: "button", autofocus: true }, "Cancel");
      yes.addEventListener("click", () => { resolve(true); done(); });
      no.addEventListener("click", done);
      return h("div", {}, h("p", {}, words), h("div", { class: "buttons" }, no, yes));
    });
    dialog.addEventListener("close", () => resolve(false));
  });
}

/** A labelled field; `complain` says beside it what is wrong with it. */
export function field(label, attributes, hint = null) {
  const id = freshId("field");
  const [hintId, wrongId] = [`${id}-hint`, `${id}-wrong`];
  const input = h(attributes.rows ? "textarea" : "input", { id, "aria-describedby": `${hintId} ${wrongId}`, ...attributes });
  const wrong = h("p", { id: wrongId, class: "wrong" });
  const complain = (words) => {
    wrong.textContent = words ?? "";
    if (words) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => complain(null));
  const hinted = h("p", { id: hintId, class: "hint" }, hint ?? "");
  return { input, complain, element: h("div", { class: "field" }, h("label", { for: id }, label), input, hinted, wrong) };
}

/** A form whose problems are shown at their fields (by JSON pointer), else above its button. */
export function form(fields, action, send, { kind = "main" } = {}) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const button = h("button", { type: "submit", class: kind }, action);
  const element = h("form", { novalidate: true }, ...Object.values(fields).map((one) => one.element), wrong, button);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (button.getAttribute("aria-disabled") === "true") return;
    wrong.textContent = "";
    button.setAttribute("aria-disabled", "true");
    try {
      await send(Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, one.input.value])));
    } catch (error) {
      complain(error, fields, wrong);
    } finally {
      button.removeAttribute("aria-disabled");
    }
  });
  return element;
}

function complain(error, fields, wrong) {
  const known = Object.entries(error.fields ?? {}).filter(([pointer]) => fields[pointer.slice(1)] !== undefined);
  for (const [pointer, detail] of known) fields[pointer.slice(1)].complain(detail);
  if (known.length > 0) fields[known[0][0].slice(1)].input.focus();
  else wrong.textContent = error.message;
}
