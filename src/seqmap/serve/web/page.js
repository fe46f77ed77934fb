"use strict";
// The page: choose a model, give it something, and see the answer live.

const at = id => document.getElementById(id);
const WAIT = 120;  // milliseconds after the last key
let language = (localStorage.getItem("seqmap.language") || navigator.language).startsWith("zh") ? "zh" : "en";
let say = WORDS[language];
let models = [], chosen = null, timer = 0, turns = 0, running = null, writing = null;
const drafts = {};  // what was typed for each model

function notice(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

function hide(...names) {
  for (const name of names) at(name).hidden = true;
}

function failed(error) {
  if (error.name === "AbortError") return;
  at("entry").hidden = error.status !== 401;
  notice(error.status === 401 ? say.wantsToken : error.lost ? say.offline : error.message);
}

function path(action) {
  return `/v1/models/${chosen.name}/${action}?version=${chosen.version}`;
}

// A new question ends those before it.
function begin() {
  if (running) running.abort();
  running = new AbortController();
  const mine = ++turns;
  return { signal: running.signal, fresh: () => mine === turns };
}

function translate() {
  say = WORDS[language];
  document.documentElement.lang = language;
  for (const part of document.querySelectorAll("[data-say]")) part.textContent = say[part.dataset.say];
  at("language").textContent = say.other;
  at("write").textContent = say.write;
  at("record").textContent = say.record;
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
  const before = chosen && view();
  if (chosen) drafts[`${chosen.name}:${chosen.version}`] = at("input").value;
  if (listening) record();
  chosen = models[index];
  const name = `${chosen.name}:${chosen.version}`;
  history.replaceState(null, "", `#${encodeURIComponent(name)}`);
  // What was typed goes along to a model that reads the same.
  if (name in drafts) at("input").value = drafts[name];
  else if (before && before !== view()) at("input").value = "";
  hide("player");
  show();
}

function show() {
  const own = view();
  at("written").hidden = !!own.speaks;
  at("spoken").hidden = !own.speaks;
  at("file-label").hidden = !own.files;
  at("file").accept = own.accept || ".csv,.tsv,.txt,text/*";
  at("horizon-label").hidden = own !== SERIES;
  for (const part of document.querySelectorAll(".of-writing")) part.hidden = !own.writes;
  at("input-label").textContent = own.label();
  at("input").placeholder = own.files ? say.exampleNumbers : say.example;
  at("takes").textContent = chosen.mapping;
  const rows = [
    [say.purpose, chosen.card.about], [say.task, chosen.task], [say.version, chosen.version],
    [say.metrics, Object.entries(chosen.metrics).map(([k, v]) => `${k} ${v === null ? "–" : v.toFixed(4)}`).join(", ")],
    [say.size, `${(chosen.size_bytes / 1024).toFixed(0)} KiB`], [say.created, chosen.created],
    [say.licence, chosen.card.licence], [say.digest, chosen.digest.slice(0, 16)],
  ];
  at("facts").replaceChildren(...rows.filter(row => row[1]).flatMap(row => [make("dt", "", row[0]), make("dd", "", row[1])]));
  at("limits").replaceChildren(...chosen.card.limits.map(text => make("li", "", text)));
  at("curl").textContent = curl(own);
  notice(chosen.problem ? say.problem(chosen.problem) : "");
  answer();
}

function curl(own) {
  const shown = own.speaks ? "" : JSON.stringify({ input: own === SERIES ? { values: [1, 2, 3] } : own === SIGNAL ? [[1, 2], [3, 4]] : "…" });
  return `curl ${location.origin}/v1/models/${chosen.name}/predict \\\n  -H 'Content-Type: ${own.speaks ? "audio/wav" : "application/json"}'` +
    (token() ? " -H 'Authorization: Bearer …'" : "") + ` \\\n  ${own.speaks ? "--data-binary @recording.wav" : `-d '${shown}'`}`;
}

async function answer() {
  const own = view(), turn = begin();
  at("took").textContent = "";
  if (own.speaks || !at("input").value.trim()) {
    hide("growth", "why", "crossing");
    if (own.speaks) own.answer();
    else at("result").replaceChildren(make("p", "hint", say.empty));
    return;
  }
  try {
    let input;
    try {
      input = own.input(at("input").value);
    } catch (error) {
      throw error instanceof SyntaxError ? new Error(say.badJson) : error;
    }
    if (own !== TEXT && own !== SIGNAL) hide("growth");
    if (own !== TRANSLATE) hide("crossing");
    if (!chosen.explains) hide("why");
    if (!chosen.streams) hide("growth");
    await own.answer(input, turn);
    if (turn.fresh()) notice(chosen.problem ? say.problem(chosen.problem) : "");
  } catch (error) {
    if (turn.fresh()) failed(error);
  }
}

async function readFile(file) {
  if (!file) return;
  at("file").value = "";
  try {
    if (view().read) await view().read(file);
    else {
      at("input").value = await file.text();
      await answer();
    }
  } catch (error) {
    if (error.name === "EncodingError") notice(say.badSound);
    else failed(error);
  }
}

at("input").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(answer, WAIT); });
at("input").addEventListener("keydown", event => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && view().writes) write();
});
at("model").addEventListener("change", event => choose(event.target.value));
at("file").addEventListener("change", event => readFile(event.target.files[0]));
document.addEventListener("dragover", event => { if (chosen && view().files) event.preventDefault(); });
document.addEventListener("drop", event => {
  if (!chosen || !view().files) return;
  event.preventDefault();
  readFile(event.dataTransfer.files[0]);
});
at("horizon").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(answer, WAIT); });
at("temperature").addEventListener("input", event => { at("warm").value = event.target.value; });
at("write").addEventListener("click", write);
at("record").addEventListener("click", record);
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
