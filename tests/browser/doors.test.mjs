// What a page does at its door: it tells how it is, reloads when somebody wishes it, and leaves nothing behind when its
// reader must go.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Link } from "../../static/live.js";

let copies = 0;
/** A script that runs when it is loaded: each time anew. */
const run = (name) => import(`../../static/${name}?${(copies += 1)}`);

/** Lets what has been promised happen. */
const settle = async () => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

/** A node as far as these scripts look. */
function node(properties = {}) {
  const classes = new Set();
  return {
    dataset: {}, style: {}, hidden: false, textContent: "", children: [], removed: false,
    classList: { add: (name) => classes.add(name), remove: (name) => classes.delete(name), contains: (name) => classes.has(name) },
    querySelectorAll: () => [], addEventListener() {}, getAttribute: () => null, setAttribute() {},
    append(...more) { this.children.push(...more); },
    replaceChildren(...more) { this.children = more; },
    remove() { this.removed = true; },
    ...properties,
  };
}

/** Sockets that only a test speaks through. */
function sockets() {
  const open = [];
  globalThis.WebSocket = class {
    sent = [];
    constructor(url) {
      this.query = url.searchParams;
      open.push(this);
    }
    send(text) { this.sent.push(JSON.parse(text)); }
    close() {}
    say(frame) { this.onmessage({ data: JSON.stringify(frame) }); }
  };
  return open;
}

/** A page of ours in a browser that is none: on a wall or at a desk. */
async function page(context, { board }) {
  context.mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
  const open = sockets();
  const state = node({ textContent: '{"queues":{"1":{"waiting":41}}}' });
  const content = node({ children: [node({ textContent: "41" })] });
  const around = { chips: node(), reader: node(), lost: node({ hidden: true }) };
  const ids = { state, content, lost: around.lost, lamp: node(), "as-of": node() };
  const inside = Object.fromEntries(["page-mark", "clock", "band", "band-said", "band-age"].map((id) => [id, node()]));
  const went = [];
  globalThis.document = Object.assign(new EventTarget(), {
    visibilityState: "visible", activeElement: null,
    documentElement: node({ dataset: { now: "2026-11-21T15:00:00Z", zone: "UTC", scope: "floor", epoch: "e", version: "3", build: "b" } }),
    // What was inside the content is gone with it.
    getElementById: (id) => ids[id] ?? (content.className ? null : inside[id]),
    createElement: (tag) => node({ tag }),
    querySelector: (what) => (what === ".board" && board ? node({ dataset: { queues: "", rotate: "20" } }) : null),
    querySelectorAll: (what) => {
      if (!what.startsWith(".chips")) return [];
      return [around.chips, ...(what.includes(".reader") ? [around.reader] : []), around.lost];
    },
  });
  globalThis.window = Object.assign(new EventTarget(), { innerWidth: 1920, innerHeight: 1080 });
  globalThis.location = { href: "http://house/supervisor?sort=name", pathname: "/supervisor", search: "?sort=name", replace: (to) => went.push(to), reload: () => went.push("reload") };
  Object.defineProperty(globalThis, "navigator", { value: {}, configurable: true });
  globalThis.requestAnimationFrame = () => 1;
  globalThis.cancelAnimationFrame = () => {};
  let healthy = true;
  globalThis.fetch = async (to) => ({ ok: to === "/healthz" && healthy });
  await run("page.js");
  return { open, state, content, around, went, lamp: ids.lamp, server: (is) => (healthy = is) };
}

test("a page keeps no copy of the document that it was painted from", async (context) => {
  const { state } = await page(context, { board: false });
  assert.equal(state.removed, true);
});

test("a beat is answered by a display with how it is, and by nobody else", async (context) => {
  const beat = { type: "beat", version: 3, now: "2026-11-21T15:00:05Z" };
  const wall = await page(context, { board: true });
  wall.open[0].say(beat);
  assert.deepEqual(wall.open[0].sent, [{ heard: beat.now, width: 1920, height: 1080, build: "b" }]);
  context.mock.timers.reset();
  const desk = await page(context, { board: false });
  desk.open[0].say(beat);
  assert.deepEqual(desk.open[0].sent, []);
});

test("a wish to reload is granted once the server answers", async (context) => {
  const { open, went, server } = await page(context, { board: true });
  server(false);
  open[0].say({ type: "reload" });
  context.mock.timers.tick(15_000);
  await settle();
  assert.deepEqual(went, [], "a page that is loaded while the server is away never comes back by itself");
  server(true);
  context.mock.timers.tick(15_000);
  await settle();
  assert.equal(went[0], "reload");
});

test("whose sign-in has ended sees nothing any more, and the way back in", async (context) => {
  const { open, content, around, went, lamp } = await page(context, { board: false });
  open[0].onclose({ code: 4401 });
  const [said, way] = content.children;
  assert.deepEqual([said.tag, said.textContent, lamp.textContent], ["h1", "Your sign-in has ended.", "Your sign-in has ended."]);
  assert.deepEqual([way.tag, way.href], ["a", "/login?then=%2Fsupervisor%3Fsort%3Dname"]);
  assert.deepEqual([around.chips.removed, around.reader.removed], [true, true]);
  context.mock.timers.tick(30_000);
  assert.equal(open.length, 2, "it asks again without hurry");
  assert.equal(open[1].query.has("version"), false, "and for a whole document");
  open[1].say({ type: "snapshot", epoch: "e2", version: 1, state: {} });
  assert.deepEqual(went, ["reload"], "signed in again elsewhere, the page comes back whole");
});

test("who may no longer see a page is still signed in", async (context) => {
  const { open, content, around } = await page(context, { board: false });
  open[0].onclose({ code: 4403 });
  assert.deepEqual(content.children.map(({ tag }) => tag), ["h1"], "there is no way in by signing in");
  assert.deepEqual([around.chips.removed, around.reader.removed], [true, false]);
});

test("a screen that is shut out says so and goes where screens wait", async (context) => {
  const { open, content, went } = await page(context, { board: true });
  open[0].onclose({ code: 4401 });
  assert.deepEqual(content.children.map(({ textContent }) => textContent), ["This screen has been shut out."]);
  assert.equal(content.className, "pairing", "legible from across the room");
  context.mock.timers.tick(10_000);
  await settle();
  assert.deepEqual(went, ["/display"]);
});

test("a link that is refused once stays refused until it is granted", (context) => {
  context.mock.timers.enable({ apis: ["setInterval", "setTimeout", "Date"] });
  const open = sockets();
  Object.assign(globalThis, { document: Object.assign(new EventTarget(), { visibilityState: "hidden" }), window: new EventTarget(), location: { href: "http://house/" } });
  const lamps = [];
  const nothing = () => {};
  const on = { snapshot: nothing, patch: nothing, now: nothing, heard: nothing, build: nothing, lamp: (state) => lamps.push(state) };
  new Link({ address: "/live", scope: "all", epoch: "e", version: 1, build: "b" }, on);
  open[0].onclose({ code: 4401 });
  context.mock.timers.tick(30_000);
  open[1].onclose({ code: 1006 });
  assert.deepEqual(lamps, ["signedOut"], "a server that is away does not let anybody in again");
  context.mock.timers.tick(30_000);
  open[2].say({ type: "beat", version: 1 });
  assert.deepEqual(lamps, ["signedOut", "live"]);
});

test("a page that is one too many says so, keeps what it shows, and comes back by itself", async (context) => {
  const { open, content, lamp } = await page(context, {});
  const before = [...content.children];
  open[0].onclose({ code: 4429 });
  assert.match(lamp.textContent, /too many pages open/);
  assert.deepEqual([...content.children], before);
  context.mock.timers.tick(30_000);
  assert.equal(open.length, 2);
});

/** The page of a display that waits. */
async function waiting(context, { hash = "", typed = "" } = {}) {
  context.mock.timers.enable({ apis: ["setInterval"] });
  const done = [];
  const token = { value: typed };
  const form = { elements: { token }, submit: () => done.push(`submits ${token.value}`) };
  globalThis.document = { querySelector: () => form, activeElement: null };
  globalThis.location = { hash, pathname: "/display", reload: () => done.push("reload") };
  globalThis.history = { replaceState: (_, __, to) => done.push(`address ${to}`) };
  let healthy = true;
  globalThis.fetch = async () => {
    if (!healthy) throw new TypeError("nobody answers");
    return { ok: true };
  };
  await run("display.js");
  const wait = async () => {
    context.mock.timers.tick(4_000);
    await settle();
  };
  return { done, token, wait, server: (is) => (healthy = is) };
}

test("a token behind the hash is gone from the address before it is sent", async (context) => {
  const { done, wait } = await waiting(context, { hash: "#token=abc.def" });
  await wait();
  assert.deepEqual(done, ["address /display", "submits abc.def"]);
});

test("a display that waits looks again, but not while the server is away or somebody types", async (context) => {
  const { done, token, wait, server } = await waiting(context);
  server(false);
  await wait();
  assert.deepEqual(done, []);
  server(true);
  token.value = "a";
  await wait();
  assert.deepEqual(done, []);
  token.value = "";
  globalThis.document.activeElement = token;
  await wait();
  assert.deepEqual(done, []);
  globalThis.document.activeElement = null;
  await wait();
  assert.deepEqual(done, ["reload"]);
});
