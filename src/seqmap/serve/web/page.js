"use strict";
// The page: choose a model, type, and see the answer live.

const at = id => document.getElementById(id);
const WAIT = 120;  // milliseconds after the last key
let language = (localStorage.getItem("seqmap.language") || navigator.language).startsWith("zh") ? "zh" : "en";
let say = WORDS[language];
let models = [], chosen = null, timer = 0, turn = 0, running = null;

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

function token() {
  return sessionStorage.getItem("seqmap.token");
}

async function ask(path, body, signal) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (token()) headers.Authorization = "Bearer " + token();
  const method = body === undefined ? "GET" : "POST";
  const response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), signal });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const error = new Error(problem.error ? problem.error.message : response.statusText);
  error.status = response.status;
  throw error;
}

function failed(error) {
  if (error.name === "AbortError") return;
  at("entry").hidden = error.status !== 401;
  notice(error.status === 401 ? say.wantsToken : error.status ? error.message : say.offline);
}

function path(action) {
  return `/v1/models/${chosen.name}/${action}?version=${chosen.version}`;
}

function translate() {
  say = WORDS[language];
  document.documentElement.lang = language;
  for (const part of document.querySelectorAll("[data-say]")) part.textContent = say[part.dataset.say];
  at("language").textContent = say.other;
  at("input").placeholder = say.example;
  if (chosen) show();
}

async function loadModels() {
  try {
    models = (await (await ask("/v1/models")).json()).models;
  } catch (error) {
    failed(error);
    return;
  }
  notice("");
  at("entry").hidden = true;
  const several = new Set(models.filter(m => m.version > 1).map(m => m.name));
  at("model").replaceChildren(...models.map((model, index) => {
    const title = several.has(model.name) ? `${model.name} · ${model.version}` : model.name;
    const option = make("option", "", title);
    option.value = index;
    return option;
  }));
  const wanted = decodeURIComponent(location.hash.slice(1));
  const index = Math.max(0, models.findIndex(m => `${m.name}:${m.version}` === wanted));
  at("model").value = index;
  choose(index);
}

function choose(index) {
  chosen = models[index];
  history.replaceState(null, "", `#${encodeURIComponent(`${chosen.name}:${chosen.version}`)}`);
  show();
}

function kind() {
  const takes = chosen.takes.type;
  return takes === "string" ? "text" : takes === "array" ? "numbers" : "json";
}

function show() {
  at("input-label").textContent = say[kind()];
  at("takes").textContent = chosen.mapping;
  const rows = [
    [say.purpose, chosen.card.about], [say.task, chosen.task], [say.version, chosen.version],
    [say.metrics, Object.entries(chosen.metrics).map(([k, v]) => `${k} ${v === null ? "–" : v.toFixed(4)}`).join(", ")],
    [say.size, `${(chosen.size_bytes / 1024).toFixed(0)} KiB`], [say.created, chosen.created],
    [say.licence, chosen.card.licence], [say.digest, chosen.digest.slice(0, 16)],
  ];
  at("facts").replaceChildren(...rows.filter(row => row[1]).flatMap(row => [make("dt", "", row[0]), make("dd", "", row[1])]));
  at("limits").replaceChildren(...chosen.card.limits.map(text => make("li", "", text)));
  const example = kind() === "text" ? '"…"' : kind() === "numbers" ? "[1, 2, 3]" : "…";
  at("curl").textContent = `curl ${location.origin}/v1/models/${chosen.name}/predict \\\n  -H 'Content-Type: application/json'` +
    (token() ? " -H 'Authorization: Bearer …'" : "") + ` \\\n  -d '{"input": ${example}}'`;
  notice(chosen.problem ? say.problem(chosen.problem) : "");
  answer();
}

function given() {
  const text = at("input").value;
  if (kind() === "text") return text;
  if (kind() === "json") {
    try { return JSON.parse(text); } catch { throw new Error(say.badJson); }
  }
  // One row a line; one row alone is a plain list.
  const rows = text.trim().split(/\n+/).map(row => row.trim().split(/[\s,;]+/).filter(Boolean).map(Number));
  if (rows.flat().some(Number.isNaN)) throw new Error(say.badNumbers);
  return rows.every(row => row.length === 1) ? rows.flat() : rows.length === 1 ? rows[0] : rows;
}

async function answer() {
  const mine = ++turn;
  if (running) running.abort();
  running = new AbortController();
  const signal = running.signal;
  if (!at("input").value.trim()) {
    at("result").replaceChildren(make("p", "hint", say.empty));
    at("growth").hidden = at("why").hidden = true;
    at("took").textContent = "";
    return;
  }
  try {
    const input = given();
    const begun = performance.now();
    const found = await (await ask(path("predict"), { input }, signal)).json();
    if (mine !== turn) return;
    notice(chosen.problem ? say.problem(chosen.problem) : "");
    at("took").textContent = say.took(Math.max(1, Math.round(performance.now() - begun)));
    drawResult(at("result"), found.result, say);
    await Promise.all([
      chosen.explains ? explain(input, mine, signal) : (at("why").hidden = true),
      chosen.streams && kind() === "text" ? grow(input, found.result, mine, signal) : (at("growth").hidden = true),
    ]);
  } catch (error) {
    if (mine !== turn) return;
    if (error.name !== "AbortError" && error.status === undefined && !(error instanceof TypeError)) notice(error.message);
    else failed(error);
  }
}

async function explain(input, mine, signal) {
  let found;
  try {
    found = (await (await ask(path("explain"), { input }, signal)).json()).explanation;
  } catch (error) {
    if (error.status !== 400 && error.status !== 422) throw error;
    at("why").hidden = true;  // What can be answered need not be explainable: a text of many windows.
    return;
  }
  if (mine !== turn) return;
  at("why").hidden = !found.tokens.length;
  drawTokens(at("tokens"), input, found.tokens, found.attribution);
  const check = found.completeness;
  at("complete").textContent = check ? say.complete(check.sum.toFixed(3), check.error.toExponential(1)) : "";
  at("gates").replaceChildren(...found.layers.flatMap(layer =>
    Object.entries(layer.gates).map(([gate, rows]) => {
      const signed = gate === "cell" || gate === "state";
      const most = signed ? Math.max(1e-6, ...rows.flat().map(Math.abs)) : 1;
      return heat(`${say.gates[gate] || gate} · ${layer.name}`, rows, signed ? -most : 0, most);
    })));
}

// The stream of events, as a line of the final answer's share.
async function grow(input, result, mine, signal) {
  const label = result.label ?? (result.labels || [])[0];
  if (label === undefined) { at("growth").hidden = true; return; }
  const response = await ask(path("stream"), { input }, signal);
  const shares = [];
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (mine !== turn) return;
    rest += value || "";
    const events = rest.split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const data = JSON.parse(event.slice(event.indexOf("data: ") + 6));
      if (event.startsWith("event: error")) throw new Error(data.error.message);
      shares.push(data.result.probabilities[label]);
    }
    if (done) break;
  }
  at("growth").hidden = shares.length < 3;
  at("growth-line").replaceChildren(line(shares));
}

at("input").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(answer, WAIT); });
at("model").addEventListener("change", event => choose(event.target.value));
at("language").addEventListener("click", () => {
  language = language === "en" ? "zh" : "en";
  localStorage.setItem("seqmap.language", language);
  translate();
});
at("entry").addEventListener("submit", event => {
  event.preventDefault();
  sessionStorage.setItem("seqmap.token", at("token").value.trim());
  at("token").value = "";
  loadModels();
});
translate();
loadModels();
