"use strict";
// Draws answers and explanations; every text goes in as text, never as HTML.

function make(tag, className, text) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text !== undefined) found.textContent = text;
  return found;
}

function percent(share) {
  return (100 * share).toFixed(share > 0.9995 || share < 0.0005 ? 0 : 1) + "%";
}

// One bar a label, the most probable first.
function bars(shares, best) {
  const box = make("div");
  const order = Object.entries(shares).sort((a, b) => b[1] - a[1]).slice(0, 20);
  for (const [name, share] of order) {
    const row = make("div", best.includes(name) ? "bar best" : "bar");
    const label = make("span", "name", name);
    label.title = name;
    const track = make("div", "track"), fill = make("div", "fill");
    fill.style.width = 100 * share + "%";
    track.append(fill);
    row.append(label, track, make("span", "share", percent(share)));
    box.append(row);
  }
  return box;
}

// An answer by its shape: whatever is not known is shown as it is.
function drawResult(box, result, say) {
  box.replaceChildren();
  if (result.probabilities) {
    const labels = result.labels ?? [result.label];
    const headline = make("div", "headline", labels.join(" · ") || say.none);
    if (result.probability !== undefined) {
      headline.append(make("small", "", `${say.confidence} ${percent(result.probability)}`));
    }
    box.append(headline, bars(result.probabilities, labels));
    const least = 1 / Object.keys(result.probabilities).length;
    if (result.probability !== undefined && result.probability < least + (1 - least) * 0.4) {
      box.append(make("p", "doubt", say.doubt));
    }
    return;
  }
  if (Array.isArray(result.entities) && typeof result.text === "string") {
    drawSpans(box, result, say);
    return;
  }
  if (typeof result.text === "string") {
    box.append(make("div", "headline", result.text));
    return;
  }
  box.append(make("pre", "", JSON.stringify(result, null, 2)));
}

// A colour for each type: the same one every time.
function hue(type) {
  let found = 0;
  for (const character of type) found = (found * 31 + character.codePointAt(0)) % 360;
  return found;
}

// A text with its spans in the colours of their types; plain tags stand below their words.
function drawSpans(box, result, say) {
  if (result.intent) {
    const headline = make("div", "headline", result.intent);
    if (typeof result.intent_probability === "number") {
      headline.append(make("small", "", `${say.confidence} ${percent(result.intent_probability)}`));
    }
    box.append(headline);
  }
  const shown = make("div", "spans"), characters = Array.from(result.text);
  if (!result.entities.length && result.tags.some(tag => tag !== "O")) {
    result.tokens.forEach((token, index) => {
      const word = make("span", "tagged", token);
      word.append(make("small", "", result.tags[index]));
      shown.append(word);
    });
    box.append(shown);
    return;
  }
  let place = 0;
  for (const entity of result.entities) {
    shown.append(characters.slice(place, entity.start).join(""));
    const mark = make("mark", "", characters.slice(entity.start, entity.end).join(""));
    mark.style.backgroundColor = `hsl(${hue(entity.type)} 70% 50% / ${0.15 + 0.3 * entity.probability})`;
    mark.append(make("small", "", `${entity.type} ${percent(entity.probability)}`));
    shown.append(mark);
    place = entity.end;
  }
  shown.append(characters.slice(place).join(""));
  box.append(shown);
}

// Tokens of a text in their colours: attributions of the answer, strongest as full colour.
function drawTokens(box, text, tokens, weights) {
  box.replaceChildren();
  const most = Math.max(...weights.map(Math.abs), 1e-9);
  const characters = Array.from(text);
  let place = 0;
  tokens.forEach((token, index) => {
    if (token.start > place) box.append(characters.slice(place, token.start).join(""));
    const mark = make("mark", token.known ? "" : "unknown", characters.slice(token.start, token.end).join(""));
    const share = weights[index] / most;
    const colour = share >= 0 ? "--for" : "--against";
    mark.style.backgroundColor = `rgba(var(${colour}), ${(0.75 * Math.abs(share)).toFixed(3)})`;
    mark.title = weights[index].toFixed(3);
    box.append(mark);
    place = token.end;
  });
  box.append(characters.slice(place).join(""));
}

// A heat map: one column a token, one row a unit (or a group of units).
function heat(name, rows, low, high) {
  const box = make("div", "gate");
  const canvas = make("canvas");
  canvas.width = rows.length ? rows[0].length : 1;
  canvas.height = Math.max(rows.length, 1);
  canvas.style.height = Math.min(5 * rows.length, 110) + "px";
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  rows.forEach((row, y) => row.forEach((value, x) => {
    const share = Math.min(1, Math.max(0, (value - low) / (high - low)));
    const place = 4 * (y * canvas.width + x);
    // from red over white to blue
    const cold = share < 0.5 ? 2 * share : 2 - 2 * share;
    image.data[place] = share < 0.5 ? 200 + 47 * cold : 27 + 220 * cold;
    image.data[place + 1] = share < 0.5 ? 85 + 162 * cold : 108 + 139 * cold;
    image.data[place + 2] = share < 0.5 ? 61 + 186 * cold : 168 + 79 * cold;
    image.data[place + 3] = 255;
  }));
  context.putImageData(image, 0, 0);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", name);
  box.append(make("span", "", name), canvas);
  return box;
}

// What each written piece looked at: pieces that light up their sources, and the whole table.
function drawCrossing(found) {
  const read = found.columns, written = found.rows;
  const sources = read.map(piece => make("span", "piece", piece));
  const targets = written.map((piece, row) => {
    const button = make("button", "piece", piece);
    button.type = "button";
    const light = () => sources.forEach((source, column) => {
      source.style.background = `rgba(var(--for), ${found.alignment[row][column].toFixed(3)})`;
    });
    const dark = () => sources.forEach(source => { source.style.background = ""; });
    button.addEventListener("mouseenter", light);
    button.addEventListener("focus", light);
    button.addEventListener("mouseleave", dark);
    button.addEventListener("blur", dark);
    return button;
  });
  const above = make("p", ""), below = make("p", "");
  above.append(...sources);
  below.append(...targets);
  at("pairs").replaceChildren(above, below);
  const table = make("table"), head = make("tr");
  head.append(make("th"), ...read.map(piece => {
    const cell = make("th");
    cell.append(make("span", "", piece));
    return cell;
  }));
  table.append(head);
  written.forEach((piece, row) => {
    const line = make("tr");
    line.append(make("th", "", piece), ...found.alignment[row].map(weight => {
      const cell = make("td");
      cell.style.background = `rgba(var(--for), ${weight.toFixed(3)})`;
      cell.title = weight.toFixed(3);
      return cell;
    }));
    table.append(line);
  });
  at("cross").replaceChildren(table);
}
