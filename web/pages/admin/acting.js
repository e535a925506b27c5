/** What an administrator can have done: each with what it means, a reason for the audit trail, and
 *  a question first where it cannot be taken back. */

import { command } from "../live/api.js";
import { field, form, openDialog } from "../live/dialogs.js";
import { h, toast } from "../live/dom.js";
import { spoken } from "./words.js";

const REASON_MAX = 200;
const PARTITION = "^[a-z_]{1,40}/[0-9]{1,3}$";

/** On a projection, by the last part of their path. `asked`: what is in the body besides the
 *  reason; `danger`: it takes something away; `steers`: of a replay that is under way. */
export const WORKS = {
  replay: {
    menu: "Replay …",
    title: "Build a new generation",
    words: "It is built from the whole log beside the one that answers, which goes on to answer. When it is built it waits for “Swap”. One that was begun goes on where it was.",
    action: "Build",
    asked: () => ({ events_per_second: paceField(), as_of: momentField() }),
  },
  pause: {
    steers: true,
    menu: "Pause …",
    title: "Have the replay pause",
    words: "What was built stays. It goes on from there when it is resumed, also after the server was started anew.",
    action: "Pause",
  },
  resume: {
    steers: true,
    menu: "Resume …",
    title: "Have the replay go on",
    words: "It goes on where it was. Where no process has it in hand any more, one is begun here.",
    action: "Resume",
  },
  throttle: {
    steers: true,
    menu: "Change the pace …",
    title: "Have the replay go slower or faster",
    words: "It obeys within a moment.",
    action: "Change",
    asked: () => ({ events_per_second: paceField() }),
  },
  cancel: {
    steers: true,
    menu: "Cancel …",
    title: "End the replay and drop what was built",
    words: "The generation that answers is not touched. What was built so far is gone.",
    action: "End it",
    danger: true,
  },
  swap: {
    menu: "Swap …",
    title: "Let the new generation answer",
    words: "It takes over in the moment when it has everything that the live one has. The one before is kept: “Roll back” lets it answer again.",
    action: "Swap",
  },
  rollback: {
    menu: "Roll back …",
    title: "Let the generation before answer again",
    words: "It went on to follow the log and answers at once. The one that answers now is kept.",
    action: "Roll back",
  },
  prune: {
    menu: "Prune …",
    title: "Drop the generations that do not answer",
    words: "They and what they occupy are gone: there is nothing to roll back to, and what was being built begins anew. The one that answers stays.",
    action: "Drop them",
    danger: true,
  },
  verify: {
    menu: "Verify …",
    title: "Prove that the view equals the log",
    words: "The log is folded once more beside the view, and both are asked the same. Nothing is changed, and nothing stands still.",
    action: "Verify",
  },
  repair: {
    menu: "Repair …",
    title: "Mend what is not as the log says",
    words: "It is verified, and what differs is applied again from the log. Where that does not help, a new generation is built and answers.",
    action: "Repair",
  },
  reapply: {
    menu: "Apply a part again …",
    title: "Apply a part of the log again",
    words: "One more time changes nothing that is right. What is given together has to be true together; something has to be given.",
    action: "Apply",
    asked: () => ({
      account_id: field("Account id", { inputmode: "numeric" }),
      post_id: field("Post id", { inputmode: "numeric" }),
      since: field("Since", { placeholder: "2026-01-31T10:30:00Z" }),
      until: field("Until", { placeholder: "2026-02-01T00:00:00Z" }),
      partition: field("Partition", { placeholder: "new_tweet/0", pattern: PARTITION }),
    }),
  },
};

const paceField = () => field("Events a second, at most", { type: "number", min: 0, step: "any", inputmode: "decimal" }, "Left empty: as many as can be");

const momentField = () => field("As of", { placeholder: "2026-01-31T10:30:00Z", autocomplete: "off" },
  "Left empty: as of now, to take over. A time, or positions such as new_tweet/3:17: it is read beside the live one");

/** Asks about a work on a projection, and has it done. `after` is called when it was accepted;
 *  `fixed` is in the body without being asked. */
export function work(projection, name, after, fixed = {}) {
  const { title, ...how } = WORKS[name];
  ask({ ...how, title: `${title}: ${spoken(projection)}`, path: `/v1/admin/projections/${projection}/${name}`, after, fixed });
}

/** Opens the dialog of something that is done by one request. `asked` makes further fields; what is
 *  left empty is left out. */
export function ask({ title, words, action, path, method = "POST", asked = () => ({}), fixed = {}, reason = "reason", danger = false, said = null, after }) {
  openDialog(title, (done) => {
    const fields = asked();
    if (reason !== null) fields[reason] = field("Reason", { maxlength: REASON_MAX, autocomplete: "off" }, "For the audit trail; it may be left out");
    const sending = form(fields, action, async (given) => {
      const body = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, value.trim()]).filter(([, value]) => value !== ""));
      await command(method, path, reason === null && Object.keys(body).length === 0 ? undefined : { ...typed(body, fields), ...fixed });
      done();
      toast(said ?? `${action}: asked for`);
      after();
    }, { kind: danger ? "main danger-main" : "main" });
    const cancel = h("button", { type: "button", class: "cancel", autofocus: danger, on: { click: done } }, "Cancel");
    sending.querySelector("button[type=submit]").after(cancel);
    if (!danger) Object.values(fields)[0]?.input.setAttribute("autofocus", "");
    return h("div", { class: "asking" }, h("p", { class: "soft" }, words), sending);
  });
}

/** Numbers are sent as numbers. */
const typed = (body, fields) => Object.fromEntries(Object.entries(body).map(([name, value]) =>
  [name, fields[name].input.type === "number" ? Number(value) : value]));
