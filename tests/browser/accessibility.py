"""What a person with a screen reader, a keyboard or weak eyes needs, measured on the page as it is.

Each script answers with a list of complaints.
"""

from typing import Final

from playwright.sync_api import Page

# Shared by the scripts: what can be seen, and the name that is read for an element.
_COMMON: Final = """
  const seen = (element) => element.checkVisibility({ visibilityProperty: true });
  const said = (id) => document.getElementById(id)?.textContent.trim() ?? "";
  const nameOf = (element) => (element.getAttribute("aria-label")
    ?? element.getAttribute("aria-labelledby")?.split(" ").map(said).join(" ")
    ?? [...(element.labels ?? [])].map((label) => label.textContent).join(" ")).trim()
    || element.innerText?.trim() || element.textContent.trim();
  const told = (element) => element.outerHTML.slice(0, 120);
"""

NAMELESS: Final = f"""() => {{ {_COMMON}
  const controls = document.querySelectorAll(
    "a, button, input, textarea, summary, dialog, article, nav, aside, [role=feed]");
  return [...controls].filter(seen).filter((one) => !one.closest("[aria-hidden=true]"))
    .filter((one) => nameOf(one) === "").map(told);
}}"""

LANDMARKS: Final = """() => {
  const top = (selector) => document.querySelectorAll(selector).length;
  const shown = [...document.querySelectorAll("main > div:not([hidden]) h1")];
  return [
    document.documentElement.lang ? null : "the page has no language",
    top("main") === 1 ? null : "there is not one main landmark",
    top("body > .layout > header") === 1 ? null : "there is no banner",
    top("nav[aria-label]") >= 1 ? null : "there is no navigation with a name",
    top("[role=status]") >= 1 ? null : "there is no live region",
    shown.length === 1 ? null : `there are ${shown.length} first headings`,
    document.title.endsWith(" · Starling") ? null : "the title does not name the view",
  ].filter((complaint) => complaint !== null);
}"""

REFERENCES: Final = """() => {
  const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
  const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
  const named = ["aria-labelledby", "aria-describedby"].flatMap((attribute) =>
    [...document.querySelectorAll(`[${attribute}]`)].flatMap((element) =>
      element.getAttribute(attribute).split(" ")));
  const broken = named.filter((id) => id && !document.getElementById(id));
  return [
    ...twice.map((id) => `${id} is there twice`),
    ...broken.map((id) => `${id} is not there`),
  ];
}"""

# WCAG 2.2, 1.4.3: 4.5 to 1, for large text 3 to 1. What is behind a text is looked up to the root;
# what lies on a picture or is switched off is left out.
CONTRAST: Final = f"""() => {{ {_COMMON}
  const context = document.createElement("canvas").getContext("2d", {{ willReadFrequently: true }});
  const rgba = (colour) => {{
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  }};
  const luminance = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, index) => sum + v * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {{
    for (let at = element; at !== null; at = at.parentElement) {{
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null;
      const colour = rgba(style.backgroundColor);
      if (colour[3] > 200) return colour;
    }}
    return [255, 255, 255, 255];
  }};
  const complaints = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {{
    const element = node.parentElement;
    if (node.textContent.trim() === "" || !seen(element)) continue;
    if (element.closest("[aria-disabled=true], .unseen, script, noscript, .arrived")) continue;
    const style = getComputedStyle(element);
    const ground = behind(element);
    if (ground === null) continue;
    const [light, dark] = [rgba(style.color), ground].map(luminance).sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const pixels = parseFloat(style.fontSize);
    const large = pixels >= 24 || (pixels >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (large ? 3 : 4.5)) complaints.add(`${{ratio.toFixed(2)}} to 1: ${{told(element)}}`);
  }}
  return [...complaints];
}}"""

# WCAG 2.2, 2.5.8: targets of at least 24 by 24 px, unless they are in a line of text.
SMALL_TARGETS: Final = f"""() => {{ {_COMMON}
  const targets = document.querySelectorAll("button, summary, input, nav a");
  return [...targets].filter((one) => seen(one)).filter((one) => {{
    const box = one.getBoundingClientRect();
    return box.width < 24 || box.height < 24;
  }}).map(told);
}}"""

# WCAG 2.2, 1.4.10: nothing to scroll sideways.
SIDEWAYS: Final = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll("body *")]
    .filter((one) => one.getBoundingClientRect().right > width + 1)
    .map((one) => one.outerHTML.slice(0, 120)).slice(0, 5);
}"""

ALL: Final = (NAMELESS, LANDMARKS, REFERENCES, CONTRAST, SMALL_TARGETS, SIDEWAYS)


def complaints_of(page: Page) -> list[str]:
    """All of them, about the page as it is now."""
    return [complaint for script in ALL for complaint in page.evaluate(script)]
