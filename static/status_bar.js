// The bar of an agent's last 24 hours: src/web/pages/agent.rs draws it first, in the same proportions.

import { since } from "./format.js";
import { write } from "./paint.js";
import { at } from "./patch.js";
import { word } from "./labels.js";

const DAY = 24 * 3600 * 1000;
const PARTS = 1000;

/** The bar's start: the first status, but at most a day ago. */
export const beginning = (history, now) =>
  Math.max(now - DAY, Math.min(now, ...Object.keys(history).map((key) => Date.parse(key))));

/** The parts of the bar, each `{ activity, from, width, title }`. */
export function spans(history, now) {
  const begins = beginning(history, now);
  const all = Math.max(1, now - begins);
  const place = (time) => Math.trunc((Math.min(Math.max(time - begins, 0), all) * PARTS) / all);
  const began = ([key]) => Date.parse(key);
  return Object.entries(history)
    .sort((a, b) => began(a) - began(b))
    .map(([key, interval]) => {
      const [from, to] = [
        place(Date.parse(key)),
        place(interval.until === undefined ? now : Date.parse(interval.until)),
      ];
      return {
        activity: interval.activity || "unknown",
        from,
        width: to - from,
        title: word("status", interval.status),
      };
    })
    .filter((span) => span.width > 0);
}

/** Keeps the bar equal to the document; to the binding it is a list without rows. */
export class Bar {
  constructor(svg, binding) {
    this.svg = svg;
    this.binding = binding;
    this.collection = svg.dataset.collection;
    // The current interval grows.
    setInterval(() => this.done(), 30_000);
  }

  has = () => true;
  ids = () => [];
  add() {}
  remove() {}

  done() {
    const history = at(this.binding.doc, this.collection) ?? {};
    const now = this.binding.clock.now();
    const rects = spans(history, now).map(({ activity, from, width, title }) => {
      const rect = document.createElementNS(this.svg.namespaceURI, "rect");
      for (const [name, value] of [
        ["x", from],
        ["y", 0],
        ["width", width],
        ["height", 28],
        ["data-activity", activity],
      ])
        rect.setAttribute(name, value);
      const said = document.createElementNS(this.svg.namespaceURI, "title");
      said.textContent = title;
      rect.append(said);
      return rect;
    });
    this.svg.replaceChildren(...rects);
    const begins = document.getElementById("day-begins");
    if (begins) write(begins, since(beginning(history, now), this.binding.clock.zone, now));
  }
}
