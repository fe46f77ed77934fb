"use strict";
// Speech: recorded or from a file, shown as it is understood.

let listening = null;  // stops a recording

const SPEECH = {
  label: () => say.speech,
  files: true,
  accept: "audio/*,.wav,.flac,.ogg,.mp3",
  speaks: true,
  answer() {
    at("result").replaceChildren(make("p", "hint", say.speak));
  },
  async read(file) {
    const turn = begin(), samples = await decoded(file, chosen.hears);
    await understood(samples, turn);
  },
};

// Text to sound: spoken at once, with what was spoken when.
const SPEAK = {
  input: text => text,
  label: () => say.text,
  async answer(input, turn) {
    const result = await predicted(input, turn);
    if (!result) return;
    const bytes = Uint8Array.from(atob(result.wav), letter => letter.charCodeAt(0));
    const player = make("audio");
    player.controls = true;
    player.src = URL.createObjectURL(new Blob([bytes], { type: "audio/wav" }));
    const shorts = new Int16Array(bytes.buffer.slice(44));
    at("result").replaceChildren(wave(Float32Array.from(shorts, value => value / 32768)), player,
      make("p", "hint", say.lasts(result.seconds.toFixed(1))));
    await new Promise(resolve => setTimeout(resolve, WAIT));
    if (!turn.fresh()) return;
    const found = (await (await ask(path("explain"), { input }, turn.signal)).json()).explanation;
    if (!turn.fresh() || !found.alignment.length) return;
    const rows = found.symbols.map((_, column) => found.alignment.map(row => -row[column]));
    at("result").append(heat(say.spokenWhen(found.symbols.join("")), rows, -1, 1));
  },
};

function heardBox() {
  const box = make("div", "headline heard"), final = make("span"), rest = make("span", "partial");
  box.append(final, " ", rest);
  return { box, final, rest };
}

function told({ final, rest }, found) {
  for (const part of found.final) {
    for (const word of part.words) final.append(spokenWord(word), " ");
  }
  rest.textContent = found.partial;
}

// A word in the colour of its confidence; a click plays it.
function spokenWord(word) {
  const found = make("button", "word", word.text);
  found.type = "button";
  found.style.opacity = 0.45 + 0.55 * word.confidence;
  found.title = `${word.start.toFixed(2)}–${word.end.toFixed(2)} s · ${percent(word.confidence)}`;
  found.addEventListener("click", () => {
    const player = at("player");
    player.currentTime = word.start;
    player.play();
  });
  return found;
}

function play(samples) {
  const player = at("player");
  if (player.src) URL.revokeObjectURL(player.src);
  player.src = URL.createObjectURL(wav(samples, chosen.hears));
  player.hidden = false;
}

// Whole sound: over a socket, piece by piece, where the model streams; else at once.
async function understood(samples, turn) {
  const parts = heardBox(), begun = performance.now();
  at("result").replaceChildren(wave(samples), parts.box);
  play(samples);
  if (chosen.streams) {
    const socket = socketOf(path("live"), { rate: chosen.hears }, found => turn.fresh() && told(parts, found));
    turn.signal.addEventListener("abort", socket.stop);
    const shorts = inShorts(samples), size = Math.round(chosen.hears / 4);
    for (let place = 0; place < shorts.length; place += size) socket.send(shorts.slice(place, place + size));
    socket.close();
    await socket.done;
  } else {
    const found = await (await ask(path("predict"), wav(samples, chosen.hears), turn.signal)).json();
    told(parts, { final: [found.result], partial: "" });
  }
  if (!turn.fresh()) return;
  parts.rest.textContent = "";
  if (!parts.final.textContent) parts.final.textContent = say.nothing;
  at("took").textContent = say.heard((samples.length / chosen.hears).toFixed(1), Math.round(performance.now() - begun));
}

async function record() {
  if (listening) {
    const stop = listening;
    listening = null;
    await stop();
    return;
  }
  const turn = begin(), parts = heardBox(), kept = [];
  at("result").replaceChildren(parts.box);
  hide("player");
  at("took").textContent = "";
  parts.rest.textContent = say.listening;
  const rate = chosen.hears;
  const socket = chosen.streams ? socketOf(path("live"), { rate }, found => told(parts, found)) : null;
  let stop;
  try {
    stop = await recording(rate, samples => {
      kept.push(samples);
      if (socket) socket.send(inShorts(samples));
    });
  } catch (error) {
    if (socket) { socket.done.catch(() => {}); socket.stop(); }
    notice(error.name === "NotAllowedError" || error.name === "NotFoundError" ? say.noMicrophone : error.message);
    return;
  }
  at("record").textContent = say.stopRecording;
  at("record").classList.add("on");
  listening = async () => {
    await stop();
    at("record").textContent = say.record;
    at("record").classList.remove("on");
    const samples = new Float32Array(kept.reduce((sum, part) => sum + part.length, 0));
    kept.reduce((place, part) => { samples.set(part, place); return place + part.length; }, 0);
    try {
      if (!socket) return await understood(samples, turn);
      socket.close();
      await socket.done;
      parts.rest.textContent = "";
      if (!parts.final.textContent) parts.final.textContent = say.nothing;
      at("result").prepend(wave(samples));
      play(samples);
    } catch (error) {
      failed(error);
    }
  };
}
