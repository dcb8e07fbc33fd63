// Time on the page. Timers tick on the server's time, never on the browser's own clock: monotonic time plus an offset
// that beats correct. One interval serves them all.

import { ago, duration } from "./format.js";
import { write } from "./paint.js";

/** The number of beats that are compared. */
const BEATS = 6;

export class Clock {
  #offsets;
  #stopped = null;

  /** `now` is what the server's clock said when the page's first byte came. */
  constructor(now, zone) {
    const arrived = performance.getEntriesByType("navigation")[0]?.responseStart ?? 0;
    this.#offsets = [Date.parse(now) - arrived];
    this.zone = zone;
  }

  /** Takes a reading of the server's clock. Of several beats, the one with the shortest delay is the most accurate. */
  set(now) {
    const said = Date.parse(now);
    if (!Number.isNaN(said)) this.#offsets = [...this.#offsets, said - performance.now()].slice(-BEATS);
  }

  /** The server's time in milliseconds; while the connection is lost, the last one received. */
  now() {
    return this.#stopped ?? this.running();
  }

  /** The server's time in milliseconds, with or without a connection. */
  running() {
    return performance.now() + Math.max(...this.#offsets);
  }

  /** Stops timers at this time until `resume`. */
  stop(at) {
    this.#stopped = at;
  }

  resume() {
    this.#stopped = null;
  }
}

/**
 * Ticks every `<time datetime>` that runs: those that a formatter of `since` or `ago` keeps. Calls `also` each second.
 */
export function tick(clock, root = document, also = () => {}) {
  const step = () => {
    const now = clock.now();
    for (const node of root.querySelectorAll("time[datetime][data-as]:not([data-as='moment'])")) {
      const seconds = (now - Date.parse(node.getAttribute("datetime"))) / 1000;
      write(node, Object.hasOwn(node.dataset, "coarse") ? ago(seconds) : duration(seconds));
    }
    also();
  };
  setInterval(step, 1000);
  return step;
}
