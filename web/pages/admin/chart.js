/** A small curve of how something went in the last minutes. */

const SVG = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [240, 56];

/** `show(values, words)`: the curve from zero to the highest value, and what is read for it. */
export function curve(kind) {
  const svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: `curve ${kind}`, role: "img", preserveAspectRatio: "none" });
  const [area, line] = [drawn("path", { class: "area" }), drawn("path", { class: "line" })];
  svg.append(area, line);
  function show(values, words) {
    svg.setAttribute("aria-label", words);
    if (values.length < 2) return;
    const most = Math.max(...values, 1);
    const points = values.map((value, index) => {
      const [x, y] = [(index / (values.length - 1)) * WIDTH, HEIGHT - 2 - (value / most) * (HEIGHT - 6)];
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    line.setAttribute("d", `M${points.join("L")}`);
    area.setAttribute("d", `M0 ${HEIGHT}L${points.join("L")}L${WIDTH} ${HEIGHT}Z`);
  }
  return { element: svg, show };
}

function drawn(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}
