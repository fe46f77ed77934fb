"use strict";
// Sound: recorded from the microphone, or read from a file, as samples at the rate of the model.

async function decoded(file, rate) {
  const context = new OfflineAudioContext(1, 1, rate);
  const buffer = await context.decodeAudioData(await file.arrayBuffer());
  const samples = new Float32Array(buffer.length);
  for (let channel = 0; channel < buffer.numberOfChannels; channel++) {
    const own = buffer.getChannelData(channel);
    for (let place = 0; place < samples.length; place++) samples[place] += own[place] / buffer.numberOfChannels;
  }
  return samples;
}

// 16-bit samples, as a socket takes them.
function inShorts(samples) {
  const found = new Int16Array(samples.length);
  samples.forEach((value, place) => { found[place] = Math.max(-1, Math.min(1, value)) * 32767; });
  return found;
}

function wav(samples, rate) {
  const head = new DataView(new ArrayBuffer(44)), size = 2 * samples.length;
  const text = (place, word) => [...word].forEach((letter, n) => head.setUint8(place + n, letter.charCodeAt(0)));
  text(0, "RIFF"); head.setUint32(4, 36 + size, true); text(8, "WAVEfmt ");
  head.setUint32(16, 16, true); head.setUint16(20, 1, true); head.setUint16(22, 1, true);
  head.setUint32(24, rate, true); head.setUint32(28, 2 * rate, true);
  head.setUint16(32, 2, true); head.setUint16(34, 16, true);
  text(36, "data"); head.setUint32(40, size, true);
  return new Blob([head, inShorts(samples)], { type: "audio/wav" });
}

// Records until stop() is called; heard(samples) is called with each piece.
async function recording(rate, heard) {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1 } });
  const context = new AudioContext({ sampleRate: rate });
  await context.audioWorklet.addModule("/web/recorder.js");
  const source = context.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0 });
  node.port.onmessage = message => heard(message.data);
  source.connect(node);
  return async () => {
    stream.getTracks().forEach(track => track.stop());
    await context.close();
  };
}
