// Shows /openapi.json to a person. Builds elements, never markup from text.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH_MAX = 6;
const ID = "1212092628029698048";
const TEXTS = { handle: "ada", password: "correct horse battery", text: "Hello, Starling", q: "hello" };

let spec;

const byId = (id) => document.getElementById(id);

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...children.flat().filter((child) => child != null));
  return made;
}

function resolved(node) {
  if (!node || !node.$ref) return node;
  return node.$ref.slice(2).split("/").reduce((at, step) => at[step], spec);
}

const nameOf = (schema) => (schema && schema.$ref ? schema.$ref.split("/").pop() : null);

// Words between backticks are code.
const prose = (text) =>
  (text || "").split("`").map((part, index) => (index % 2 ? element("code", null, part) : part));

// "list of Post", "string, 1 to 20 characters", ...
function kindOf(schema) {
  if (!schema) return "anything";
  const name = nameOf(schema);
  if (name) return name;
  if (schema.anyOf) return schema.anyOf.map(kindOf).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") return `list of ${kindOf(schema.items)}`;
  return [schema.type || "anything", ...limitsOf(schema)].join(", ");
}

function limitsOf(schema) {
  const limits = [];
  if (schema.minLength != null) limits.push(`at least ${schema.minLength} characters`);
  if (schema.maxLength != null) limits.push(`at most ${schema.maxLength} characters`);
  if (schema.minimum != null) limits.push(`at least ${schema.minimum}`);
  if (schema.maximum != null) limits.push(`at most ${schema.maximum}`);
  if (schema.default != null) limits.push(`default ${JSON.stringify(schema.default)}`);
  if (schema.format) limits.push(schema.format);
  if (schema.pattern && !schema.pattern.includes("\\u0000")) limits.push(schema.pattern);
  return limits;
}

// The members of an object, those of nested ones below them.
function tree(schema, seen = []) {
  const name = nameOf(schema);
  const whole = resolved(schema);
  if (!whole || (name && seen.includes(name)) || seen.length > DEPTH_MAX) return null;
  const path = name ? [...seen, name] : [...seen, ""];
  if (whole.type === "array") return tree(whole.items, path);
  if (whole.anyOf) {
    return whole.anyOf.map((one) => tree(one, path)).find((found) => found) || null;
  }
  if (!whole.properties) return null;
  const needed = new Set(whole.required || []);
  const items = Object.entries(whole.properties).map(([member, kind]) =>
    element("li", null,
      element("code", null, member), " ",
      element("span", { class: "kind" }, kindOf(kind)),
      needed.has(member) ? null : element("span", { class: "kind" }, " (optional)"),
      kind.description ? element("span", { class: "about" }, ` · ${kind.description}`) : null,
      tree(kind, path)));
  return element("ul", { class: "schema" }, items);
}

function example(schema, member = "", depth = 0) {
  const whole = resolved(schema) || {};
  if (whole.examples) return whole.examples[0];
  if (whole.default != null) return whole.default;
  if (whole.enum) return whole.enum[0];
  if (whole.anyOf) return example(whole.anyOf[0], member, depth + 1);
  if (whole.type === "array") return depth > DEPTH_MAX ? [] : [example(whole.items, member, depth + 1)];
  if (whole.type === "integer" || whole.type === "number") return whole.minimum || 0;
  if (whole.type === "boolean") return true;
  if (whole.properties) {
    const needed = whole.required && whole.required.length ? whole.required : Object.keys(whole.properties);
    return Object.fromEntries(needed.map((name) => [name, example(whole.properties[name], name, depth + 1)]));
  }
  if (/(^|_)ids?$/.test(member)) return ID;
  return TEXTS[member] || (member ? `a ${member.replaceAll("_", " ")}` : "text");
}

const parametersOf = (operation) => (operation.parameters || []).map(resolved);
const bodyOf = (operation) =>
  operation.requestBody ? operation.requestBody.content["application/json"].schema : null;
const needsToken = (operation) =>
  (operation.security || []).length > 0 && operation.security.every((way) => "bearer" in way);
const takesToken = (operation) => (operation.security || []).some((way) => "bearer" in way);

// What a person, or the example, put into an operation's fields, as a request.
function request(operation, values) {
  let path = operation.path;
  const query = new URLSearchParams();
  const headers = {};
  for (const parameter of parametersOf(operation)) {
    const value = values[parameter.name];
    if (value == null || value === "") continue;
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (parameter.in === "query") query.append(parameter.name, value);
    else headers[parameter.name] = value;
  }
  const text = query.toString();
  if (values.body) headers["Content-Type"] = "application/json";
  return { method: operation.method.toUpperCase(), path: text ? `${path}?${text}` : path, headers, body: values.body };
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function curl(operation, asked) {
  const parts = [`curl -sS ${quoted(location.origin + asked.path)}`];
  if (asked.method !== "GET") parts[0] = parts[0].replace("curl -sS", `curl -sS -X ${asked.method}`);
  if (takesToken(operation)) parts.push('-H "Authorization: Bearer $TOKEN"');
  for (const [name, value] of Object.entries(asked.headers)) parts.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (asked.body) parts.push(`-d ${quoted(asked.body)}`);
  return parts.join(" \\\n  ");
}

function exampleValues(operation) {
  const values = {};
  for (const parameter of parametersOf(operation)) {
    if (parameter.required) values[parameter.name] = String(example(parameter.schema, parameter.name));
    if (parameter.required && parameter.schema.pattern && /0-9/.test(parameter.schema.pattern) && parameter.in !== "header") {
      values[parameter.name] = ID;
    }
  }
  const body = bodyOf(operation);
  if (body) values.body = JSON.stringify(example(body), null, 2);
  return values;
}

function parameterTable(operation) {
  const rows = parametersOf(operation).map((parameter) =>
    element("tr", null,
      element("th", { scope: "row" }, element("code", null, parameter.name), " ",
        parameter.required ? element("span", { class: "needed" }, "needed") : null),
      element("td", { class: "kind" }, `${parameter.in}: ${kindOf(parameter.schema)}`),
      element("td", null, parameter.description || "")));
  return rows.length ? [element("h3", null, "Parameters"), element("table", null, element("tbody", null, rows))] : [];
}

function answerTable(operation) {
  const rows = Object.entries(operation.responses).map(([status, given]) => {
    const answer = resolved(given);
    const [media, content] = Object.entries(answer.content || {})[0] || [];
    const fields = Object.keys(answer.headers || {}).filter((name) => name !== "Request-Id");
    const shape = content && !given.$ref ? tree(content.schema) : null;
    return element("tr", null,
      element("th", { scope: "row" }, status),
      element("td", null,
        element("span", null, prose(answer.description.replaceAll("- ", "").replaceAll("\n", "; "))),
        content && !given.$ref ? element("div", { class: "kind" }, `${media}: ${kindOf(content.schema)}`) : null,
        fields.length && !given.$ref ? element("div", { class: "kind" }, `headers: ${fields.join(", ")}`) : null,
        shape ? element("details", null, element("summary", null, "Members"), shape) : null));
  });
  return [element("h3", null, "Answers"), element("table", null, element("tbody", null, rows))];
}

function form(operation) {
  const values = exampleValues(operation);
  const inputs = {};
  const fields = parametersOf(operation).map((parameter) => {
    inputs[parameter.name] = element("input", {
      value: parameter.in === "header" && !parameter.required ? "" : values[parameter.name] || "",
      required: parameter.required, spellcheck: "false", autocomplete: "off",
    });
    return element("label", null, `${parameter.name} (${parameter.in})`, inputs[parameter.name]);
  });
  if (values.body) {
    inputs.body = element("textarea", { rows: values.body.split("\n").length + 1, spellcheck: "false" });
    inputs.body.value = values.body;
    fields.push(element("label", null, "Body (JSON)", inputs.body));
  }
  const answer = element("div", { "aria-live": "polite" });
  const typed = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value]));
  const submit = (event) => {
    event.preventDefault();
    send(operation, request(operation, typed()), answer);
  };
  return element("form", { class: "form", onsubmit: submit }, fields,
    element("div", { class: "row" }, element("button", { class: "send", type: "submit" }, "Send"),
      needsToken(operation) ? element("span", { class: "kind" }, "with the access token from the top") : null),
    answer);
}

async function send(operation, asked, place) {
  const token = byId("token").value.trim();
  const headers = { ...asked.headers };
  if (token && takesToken(operation)) headers.Authorization = `Bearer ${token}`;
  place.replaceChildren(element("p", null, "Waiting…"));
  try {
    const began = performance.now();
    const answer = await fetch(asked.path, { method: asked.method, headers, body: asked.body || undefined });
    const text = await firstPart(answer);
    const took = Math.round(performance.now() - began);
    remember(text);
    place.replaceChildren(
      element("p", { class: answer.ok ? "status-ok" : "status-wrong" }, `${answer.status} ${answer.statusText} · ${took} ms`),
      element("pre", { tabindex: "0" }, [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n")),
      text ? element("pre", { tabindex: "0" }, pretty(text)) : null);
  } catch (error) {
    place.replaceChildren(element("p", { class: "status-wrong" }, `No answer: ${error.message}`));
  }
}

// A stream never ends: its beginning is shown.
async function firstPart(answer) {
  if (!(answer.headers.get("content-type") || "").startsWith("text/event-stream")) return answer.text();
  const reader = answer.body.getReader();
  const timer = setTimeout(() => reader.cancel(), 5000);
  let text = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += new TextDecoder().decode(part.value);
  }
  clearTimeout(timer);
  return text || "(nothing happened for 5 s)";
}

// Signing in here is signing in for the page.
function remember(text) {
  try {
    const token = JSON.parse(text).access_token;
    if (token) byId("token").value = token;
  } catch { /* not JSON: nothing to remember */ }
}

function pretty(text) {
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function copyable(text) {
  const button = element("button", {
    type: "button",
    onclick: async () => {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    },
  }, "Copy");
  return [element("pre", { tabindex: "0" }, text), button];
}

function inside(operation) {
  const body = bodyOf(operation);
  return element("div", { class: "inside" },
    operation.description ? element("p", null, prose(operation.description)) : null,
    parameterTable(operation),
    body ? [element("h3", null, `Body: ${kindOf(body)}`), element("p", { class: "kind" }, prose(resolved(body).description)), tree(body)] : [],
    answerTable(operation),
    element("h3", null, "With curl"),
    copyable(curl(operation, request(operation, exampleValues(operation)))),
    element("h3", null, "Try it"),
    form(operation));
}

function card(operation) {
  const made = element("details", { class: "operation", id: operation.operationId },
    element("summary", null,
      element("span", { class: `method ${operation.method}` }, operation.method.toUpperCase()),
      element("span", { class: "path" }, operation.path),
      element("span", { class: "says" }, operation.summary),
      needsToken(operation) ? element("span", { class: "lock" }, "token") : null));
  // Ninety operations would be a slow page; each is filled when it is opened.
  made.addEventListener("toggle", () => {
    if (made.open && !made.querySelector(".inside")) made.append(inside(operation));
  });
  return made;
}

function operations() {
  return Object.entries(spec.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ ...item[method], method, path })));
}

function show() {
  byId("title").textContent = spec.info.title;
  byId("version").textContent = spec.info.version;
  byId("summary").textContent = spec.info.summary;
  byId("about").append(...prose(spec.info.description));
  const all = operations();
  const known = spec.tags.map((tag) => tag.name);
  const others = [...new Set(all.flatMap((one) => one.tags))].filter((name) => !known.includes(name));
  for (const tag of [...spec.tags, ...others.map((name) => ({ name, description: "" }))]) {
    const own = all.filter((operation) => operation.tags.includes(tag.name));
    if (!own.length) continue;
    byId("operations").append(element("section", { "aria-labelledby": `tag-${tag.name}` },
      element("h2", { id: `tag-${tag.name}` }, tag.name), element("p", null, tag.description), own.map(card)));
    byId("contents").append(element("h2", null, tag.name),
      element("ul", null, own.map((operation) => element("li", null,
        element("a", { href: `#${operation.operationId}`, title: `${operation.method.toUpperCase()} ${operation.path}` },
          operation.summary)))));
  }
  byId("state").hidden = true;
}

function filter() {
  const words = byId("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = (text) => words.every((word) => text.toLowerCase().includes(word));
  for (const one of document.querySelectorAll("details.operation")) {
    const found = matches(one.querySelector("summary").textContent);
    one.hidden = !found;
    document.querySelector(`nav a[href="#${one.id}"]`).parentElement.hidden = !found;
  }
  for (const section of document.querySelectorAll("main section")) {
    section.hidden = !section.querySelector("details.operation:not([hidden])");
  }
}

function openTarget() {
  const target = byId(decodeURIComponent(location.hash.slice(1)));
  if (target && target.matches("details")) {
    target.open = true;
    target.scrollIntoView();
  }
}

function theme(wanted) {
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const chosen = wanted || localStorage.getItem("theme") || (dark ? "dark" : "light");
  document.documentElement.dataset.theme = chosen;
  byId("theme").textContent = chosen === "dark" ? "Light" : "Dark";
  if (wanted) localStorage.setItem("theme", wanted);
}

async function start() {
  theme();
  byId("theme").addEventListener("click", () =>
    theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("filter").addEventListener("input", filter);
  addEventListener("hashchange", openTarget);
  try {
    spec = await (await fetch("/openapi.json")).json();
  } catch (error) {
    byId("state").textContent = `/openapi.json cannot be read: ${error.message}`;
    return;
  }
  show();
  openTarget();
}

start();
