"use strict";
// How the page asks: answers, streams of events, sockets.

function token() {
  return sessionStorage.getItem("seqmap.token");
}

async function ask(path, body, signal) {
  const headers = {};
  if (body instanceof Blob) headers["Content-Type"] = body.type;
  else if (body !== undefined) headers["Content-Type"] = "application/json";
  if (token()) headers.Authorization = "Bearer " + token();
  const method = body === undefined ? "GET" : "POST";
  const sent = body === undefined || body instanceof Blob ? body : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: sent, signal }).catch(error => {
    throw error.name === "AbortError" ? error : Object.assign(error, { lost: true });
  });
  if (response.ok) return response;
  const problem = await response.json().catch(() => ({}));
  const error = new Error(problem.error ? problem.error.message : response.statusText);
  error.status = response.status;
  throw error;
}

// Events of a stream, each as { kind, data }.
async function* events(path, body, signal) {
  const response = await ask(path, body, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    rest += value || "";
    const found = rest.split("\n\n");
    rest = found.pop();
    for (const event of found) {
      const data = JSON.parse(event.slice(event.indexOf("data: ") + 6));
      if (event.startsWith("event: error")) throw Object.assign(new Error(data.error.message), { status: 422 });
      yield { kind: event.slice(7, event.indexOf("\n")), data };
    }
    if (done) return;
  }
}

// A socket of a stream: send(piece), close(), and what comes back.
function socketOf(path, options, told) {
  const address = location.origin.replace(/^http/, "ws") + path;
  const socket = token() ? new WebSocket(address, "seqmap.token." + token()) : new WebSocket(address);
  const waiting = [JSON.stringify({ start: options })];
  const send = piece => socket.readyState === WebSocket.OPEN ? socket.send(piece) : waiting.push(piece);
  socket.binaryType = "arraybuffer";
  socket.onopen = () => waiting.splice(0).forEach(piece => socket.send(piece));
  const done = new Promise((good, bad) => {
    socket.onmessage = message => {
      const data = JSON.parse(message.data);
      if (data.error) bad(Object.assign(new Error(data.error.message), { status: 422 }));
      else if (data.type === "final") good(data.result);
      else told(data.result);
    };
    socket.onclose = () => bad(Object.assign(new Error("closed"), { lost: true }));
  });
  return { send, close: () => send('{"close": true}'), stop: () => socket.close(), done };
}
