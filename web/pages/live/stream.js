/** The live stream (SSE), read by fetch because EventSource cannot send a token. It goes on where it
 *  broke, and rests while nobody looks. */

import { signed } from "./api.js";
import { signedInAs } from "./session.js";

const HIDDEN_MS = 60_000;
const WAIT_MS = [1_000, 2_000, 5_000, 10_000, 30_000];

/** Yields {name, id, data} of each event in a body of server-sent events. */
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const event = parsed(block);
      if (event.data !== "") yield event;
    }
  }
}

function parsed(block) {
  const event = { name: "message", id: null, data: "" };
  for (const line of block.split("\n")) {
    const [field, value] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trimStart()];
    if (field === "event") event.name = value;
    else if (field === "id") event.id = value;
    else if (field === "data") event.data += value;
  }
  return event;
}

/** Listens for as long as the account stays signed in. `on` has a function for each event's name,
 *  and `open` and `closed`; `open` is told whether the stream goes on without a gap. */
export function listen(on) {
  const account = signedInAs();
  let lastId = null;
  let connection = null;
  let failures = 0;
  let timer = null;
  let ended = false;

  async function connect() {
    clearTimeout(timer);
    if (ended || connection !== null || document.hidden) return;
    connection = new AbortController();
    const mine = connection;
    try {
      const headers = { ...(await signed()), Accept: "text/event-stream" };
      if (lastId !== null) headers["Last-Event-ID"] = lastId;
      const answer = await fetch("/v1/stream", { headers, signal: mine.signal });
      if (answer.status === 401) await signed(headers.Authorization?.slice("Bearer ".length));
      if (!answer.ok) throw new Error(`The stream answered ${answer.status}`);
      failures = 0;
      on.open({ resumed: lastId !== null });
      for await (const event of events(answer.body)) {
        lastId = event.id ?? lastId;
        on[event.name]?.(JSON.parse(event.data));
      }
    } catch (error) {
      if (!mine.signal.aborted) failures += 1;
    }
    if (connection !== mine) return;
    connection = null;
    on.closed();
    again();
  }

  function again() {
    if (ended || signedInAs() !== account) return;
    const wait = WAIT_MS[Math.min(failures, WAIT_MS.length - 1)];
    timer = setTimeout(connect, wait * (0.5 + Math.random() / 2));
  }

  function rest() {
    const broken = connection;
    connection = null;
    broken?.abort();
    on.closed();
  }

  let hiding = null;
  const look = () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(rest, HIDDEN_MS);
    else connect();
  };
  const back = () => { failures = 0; connect(); };
  document.addEventListener("visibilitychange", look);
  addEventListener("online", back);
  connect();
  return function end() {
    ended = true;
    clearTimeout(timer);
    clearTimeout(hiding);
    document.removeEventListener("visibilitychange", look);
    removeEventListener("online", back);
    connection?.abort();
  };
}
