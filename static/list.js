// Lists that live: one in which new items wait behind a button, and one that stands in the order of its document.

import { write } from "./paint.js";
import { at } from "./patch.js";

/** The rows that a list shows, by identity. */
class Rows {
  shown = new Map();

  constructor(list, binding) {
    this.list = list;
    this.binding = binding;
    this.collection = list.dataset.collection;
    this.template = document.getElementById(list.dataset.template);
    for (const row of list.querySelectorAll(":scope > [data-row]")) this.shown.set(row.dataset.row, row);
  }

  has(id) {
    return this.shown.has(id);
  }

  ids() {
    return [...this.shown.keys()];
  }

  /** Makes the row of an item; where it stands is for the caller. */
  make(id) {
    const row = this.binding.row(this.template, id);
    this.shown.set(id, row);
    return row;
  }

  remove(id) {
    const row = this.shown.get(id);
    if (!row) return;
    this.shown.delete(id);
    this.binding.release(row);
    row.remove();
  }
}

/** New items wait behind a button, so that nothing jumps under a reader's eyes. */
export class Stack extends Rows {
  #waiting = new Set();

  constructor(list, binding) {
    super(list, binding);
    this.button = document.getElementById("show-new");
    this.button.addEventListener("click", () => this.#show());
  }

  has(id) {
    return super.has(id) || this.#waiting.has(id);
  }

  ids() {
    return [...super.ids(), ...this.#waiting];
  }

  add(id) {
    this.#waiting.add(id);
  }

  remove(id) {
    this.#waiting.delete(id);
    super.remove(id);
  }

  done() {
    const none = document.getElementById("nothing");
    if (none) none.hidden = this.shown.size + this.#waiting.size > 0;
    write(this.button, `${this.#waiting.size} new: show`);
    const isLeft = this.#waiting.size === 0 && document.activeElement === this.button;
    this.button.hidden = this.#waiting.size === 0;
    if (isLeft) this.#focusFirst();
  }

  #show() {
    for (const id of this.#waiting) this.list.prepend(this.make(id));
    this.#waiting.clear();
    this.done();
  }

  /** Whoever pressed the button by key goes on reading where it led, not at the top of the page. */
  #focusFirst() {
    const first = this.list.firstElementChild ?? this.list;
    first.tabIndex = -1;
    first.focus();
  }
}

/** Stands in the order of its document: by time, then by identity. `data-by` names the field with the time, or `key` where it is
 *  the item's own name; `data-order="newest"` turns the order. */
export class Thread extends Rows {
  add(id) {
    this.list.append(this.make(id));
  }

  done() {
    const items = at(this.binding.doc, this.collection) ?? {};
    const { by = "at", order } = this.list.dataset;
    const time = (id) => Date.parse((by === "key" ? id : items[id]?.[by]) ?? "") || Number.MAX_VALUE;
    const ids = this.ids().sort((a, b) => time(a) - time(b) || Number(a) - Number(b) || (a < b ? -1 : 1));
    if (order === "newest") ids.reverse();
    ids.forEach((id, i) => {
      const here = this.list.children[i];
      if (here !== this.shown.get(id)) this.list.insertBefore(this.shown.get(id), here);
    });
  }
}
