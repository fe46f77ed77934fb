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
  if (typeof result.text === "string") {
    box.append(make("div", "headline", result.text));
    return;
  }
  box.append(make("pre", "", JSON.stringify(result, null, 2)));
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

// Shares over the text as a line.
function line(values) {
  const width = 600, height = 90, space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const add = (tag, attributes) => {
    const part = document.createElementNS(space, tag);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    svg.append(part);
  };
  for (const share of [0, 0.5, 1]) {
    const y = 6 + (1 - share) * (height - 12);
    add("line", { x1: 0, x2: width, y1: y, y2: y, stroke: "currentColor", "stroke-opacity": 0.15 });
  }
  const points = values.map((value, index) => {
    const x = values.length > 1 ? 4 + (index * (width - 8)) / (values.length - 1) : width / 2;
    return [x, 6 + (1 - value) * (height - 12)];
  });
  add("polyline", { points: points.map(p => p.join(",")).join(" "), fill: "none", stroke: "rgb(var(--for))", "stroke-width": 2.5 });
  if (points.length) {
    const [x, y] = points[points.length - 1];
    add("circle", { cx: x, cy: y, r: 4.5, fill: "rgb(var(--for))" });
  }
  return svg;
}
