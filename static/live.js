// The live connection: one WebSocket, a document with a version, beats that prove that it works, and reconnects without
// an end.

const LATE = 7_500;
const LOST = 15_000;
const RESTART = 1012;
const OVERLOAD = 1013;
const SIGN_IN = 4401;
const NO_SCOPE = 4403;
const TOO_MANY = 4429;
const OURS = 4000;

/**
 * The delay before attempt `n`: the cap first, then the jitter, so that pages do not reconnect in step. A refusal has a
 * fixed delay: viewers are refused one by one.
 */
export function pause(n, code, random = Math.random) {
  if (code === RESTART || code === OVERLOAD) return 1_000 + random() * 9_000;
  if (code === SIGN_IN || code === NO_SCOPE || code === TOO_MANY) return 30_000;
  return random() * Math.min(30_000, 500 * 2 ** Math.min(n, 16));
}

/**
 * Follows a scope. Callbacks in `on`: `snapshot(state)`, `patch(patch)`, `now(instant)`, `received()`, `state(name)`
 * with `live`, `late`, `lost`, `signedOut`, `refused` or `tooMany`, `build(build)` when the server's build is not the
 * page's, `reload()` on request, and `beat(now)`, whose answer is sent to the server.
 */
export class Link {
  #socket = null;
  #started = 0;
  #timer = 0;
  #tries = 0;
  #received = { steady: performance.now(), wall: Date.now() };
  #state = "";
  #left = false;
  #refused = null;

  constructor({ address, scope, epoch, version, build }, on) {
    Object.assign(this, { address, scope, epoch, version, build, on });
    setInterval(() => this.#watch(), 1_000);
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && this.#wake());
    // Only a hint: browsers are often late to notice that they are online, so it may start an attempt, but never
    // prevent or end one.
    window.addEventListener("online", () => this.#socket ?? this.#open());
    // A page that the user leaves must not reconnect; one that the user returns to must.
    window.addEventListener("pagehide", () => this.#leave());
    window.addEventListener("pageshow", (event) => event.persisted && this.#return());
    this.#open();
  }

  #open() {
    clearTimeout(this.#timer);
    this.#drop();
    if (this.#left) return;
    const url = new URL(this.address, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    url.searchParams.set("scope", this.scope);
    if (this.version !== null) {
      url.searchParams.set("epoch", this.epoch);
      url.searchParams.set("version", this.version);
    }
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#started = performance.now();
    socket.onmessage = (event) => socket === this.#socket && this.#receive(event.data);
    socket.onclose = (event) => socket === this.#socket && this.#lose(event.code);
  }

  #leave() {
    this.#left = true;
    clearTimeout(this.#timer);
    this.#drop();
  }

  #return() {
    this.#left = false;
    this.#open();
  }

  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(OURS);
  }

  #receive(text) {
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.#resync();
    }
    if (frame.now) this.on.now(frame.now);
    if (frame.type === "reload") return this.on.reload();
    if (frame.type === "snapshot") {
      [this.epoch, this.version] = [frame.epoch, frame.version];
      this.on.snapshot(frame.state);
      if (frame.build && frame.build !== this.build) this.on.build(frame.build);
    } else if (frame.type === "patch") {
      // A document that waits for its snapshot must not be patched.
      if (this.version === null || frame.version <= this.version) return;
      this.version = frame.version;
      this.on.patch(frame.patch);
    } else if (frame.type === "beat") {
      if (this.version !== null && frame.version > this.version) return this.#resync();
      this.#tries = 0;
      const report = this.on.beat?.(frame.now);
      if (report) this.#socket.send(JSON.stringify(report));
    }
    this.#received = { steady: performance.now(), wall: Date.now() };
    this.#refused = null;
    this.on.received();
    this.#light("live");
  }

  /** A version was missed: only a snapshot helps. */
  #resync() {
    this.version = null;
    if (this.#tries++ === 0) return this.#open();
    // Until then the page's values are known to be incomplete.
    this.#drop();
    this.#light("late");
    this.#again(OURS);
  }

  #lose(code) {
    this.#socket = null;
    if (code === SIGN_IN) this.#refused = "signedOut";
    if (code === NO_SCOPE) this.#refused = "refused";
    if (code === TOO_MANY) this.#refused = "tooMany";
    this.#light(this.#refused ?? "lost");
    this.#tries += 1;
    this.#again(code);
  }

  #again(code) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#open(), pause(this.#tries, code));
  }

  /** The page is visible again: reconnect now, not at the end of a long pause. */
  #wake() {
    this.#watch();
    if (!this.#socket) this.#open();
  }

  /** Judges the connection by the last frame's age, on both clocks: one of them stops while a machine sleeps. */
  #watch() {
    const age = Math.max(performance.now() - this.#received.steady, Date.now() - this.#received.wall);
    if (age >= LOST) {
      if (!this.#refused) this.#light("lost");
      if (this.#socket && performance.now() - this.#started >= LOST) {
        this.#drop();
        this.#lose(OURS);
      }
    } else if (age >= LATE && this.#state === "live") this.#light("late");
  }

  #light(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.on.state(state);
  }
}
