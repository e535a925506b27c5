/** Elements. Whatever people wrote becomes text nodes: nothing here, or anywhere, parses HTML. */

const SVG = "http://www.w3.org/2000/svg";
let ids = 0;

/** An element; attributes that are null or false are left out, `on` maps events to listeners. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Puts children in the place of those that are there; null is none. */
export function put(element, ...children) {
  element.replaceChildren(...children.filter((child) => child !== null));
}

/** An id that no other element has. */
export const freshId = (name) => `${name}-${++ids}`;

const ICONS = {
  home: "M3 10.5 12 3l9 7.5V20a1 1 0 0 1-1 1h-5v-6H9v6H4a1 1 0 0 1-1-1z",
  explore: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l2 2H4zM10 21h4",
  bookmark: "M6 3h12v18l-6-4.5L6 21z",
  person: "M12 12a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM4 21c0-4 3.5-6 8-6s8 2 8 6",
  reply: "M4 5h16v11H11l-5 4v-4H4z",
  repost: "M4 10V8a2 2 0 0 1 2-2h11M14 3l3 3-3 3M20 14v2a2 2 0 0 1-2 2H7M10 21l-3-3 3-3",
  like: "M12 20.5C5.5 16 3 12.6 3 9a4.7 4.7 0 0 1 9-2 4.7 4.7 0 0 1 9 2c0 3.6-2.5 7-9 11.5z",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  feather: "M20 4c-7 0-12 4-13 11l-3 5M7 15c6 1 11-2 13-11M9 12h5",
  close: "M6 6l12 12M18 6 6 18",
};

/** A decorative drawing; what it means is said in words beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", `icon icon-${name}`);
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** The ring that fills as a text grows: `fill(share)` with 0 to 1. */
export function ring() {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "ring");
  const [track, arc] = ["track", "arc"].map((name) => {
    const circle = document.createElementNS(SVG, "circle");
    for (const [key, value] of Object.entries({ cx: 12, cy: 12, r: 9, class: name, pathLength: 100 })) {
      circle.setAttribute(key, value);
    }
    return circle;
  });
  svg.append(track, arc);
  const fill = (share) => arc.setAttribute("stroke-dasharray", `${Math.min(share, 1) * 100} 100`);
  fill(0);
  return { element: svg, fill };
}

/** Says something to those who listen instead of looking. */
export function announce(words) {
  const status = document.getElementById("status");
  status.textContent = "";
  setTimeout(() => { status.textContent = words; }, 50);
}

/** Shows a message for a while. A complaint is said at once, all else when there is a pause. */
export function toast(words, { wrong = false } = {}) {
  const shown = h("div", { class: wrong ? "toast wrong" : "toast", role: wrong ? "alert" : "status" });
  const close = h("button", { type: "button", class: "quiet", "aria-label": "Dismiss" }, icon("close"));
  close.addEventListener("click", () => shown.remove());
  document.getElementById("toasts").append(shown);
  // A live region has to be there before its words are, or they are not read.
  setTimeout(() => shown.append(h("p", {}, words), close), 20);
  setTimeout(() => shown.remove(), wrong ? 12_000 : 6_000);
}
