// Live lists: one in which new items wait behind a button, and one in the order of its document.

import { text as textOf } from "./labels.js";
import { moves, Pause, put } from "./order.js";
import { write } from "./paint.js";
import { at } from "./patch.js";

/** The rows of a list, by id. */
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

  /** Makes the row of an item; the caller places it. */
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

const NEVER = -Infinity;
const created = (it) => Date.parse(it?.created ?? "") || NEVER;
const PLACES = { open: 1, pending: 1, closed: 3 };

/** Whether a survey request needs a review: `live::list` of the server ranks by the same. */
const needs = ({ state, mayRetry, mayRecover }) =>
  state === "needsReview" || state === "unknown" || (state !== "dryRun" && Boolean(mayRetry || mayRecover));

/** The rank by need: the least is first. */
const need = {
  feedback: (it) => (it.needsReply ? 0 : (PLACES[it.state] ?? 2)),
  surveys: (it) => (needs(it) ? 0 : 1),
};

/** The ids of a list in its order: those that need a reply or a review first, then the newest. */
export function ordered(ids, items, collection) {
  const place = need[collection] ?? (() => 0);
  const of = (id) => items[id] ?? {};
  return [...ids].sort(
    (a, b) =>
      place(of(a)) - place(of(b)) ||
      (created(of(b)) === created(of(a)) ? 0 : created(of(b)) - created(of(a))) ||
      (a < b ? -1 : 1),
  );
}

/**
 * New items wait behind a button, so that nothing jumps under a reader's eyes; an item that
 * belongs below all others is appended.
 */
export class Stack extends Rows {
  #waiting = new Set();
  #pause;

  constructor(list, binding) {
    super(list, binding);
    this.button = document.getElementById("show-new");
    this.button.addEventListener("click", () => this.#show());
    this.#pause = new Pause(list, "[data-row]", document.getElementById(`paused-${this.collection}`), () =>
      this.#order(),
    );
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
    this.#append();
    this.#order();
    const none = document.getElementById("nothing");
    if (none) none.hidden = this.shown.size + this.#waiting.size > 0;
    // An item that moves onto a later page was on an earlier one.
    const isFirst = (this.#list()?.page ?? 1) === 1;
    write(this.button, textOf(isFirst ? "newItems" : "moreItems", { n: this.#waiting.size }));
    const isLeft = this.#waiting.size === 0 && document.activeElement === this.button;
    this.button.hidden = this.#waiting.size === 0;
    if (isLeft) this.#focus(this.list.firstElementChild ?? this.list);
  }

  /** The size of the whole list, if the document has a page of it. */
  #list() {
    return at(this.binding.doc, `lists/${this.collection}`);
  }

  #ordered(ids) {
    return ordered(ids, at(this.binding.doc, this.collection) ?? {}, this.collection);
  }

  /** Appends items below all others, such as the first of the next page after one of this page was removed. */
  #append() {
    if (this.shown.size === 0 || this.#waiting.size === 0 || !this.#list()) return;
    const all = this.#ordered(this.ids());
    const last = all.findLastIndex((id) => this.shown.has(id));
    for (const id of all.slice(last + 1)) {
      this.#waiting.delete(id);
      this.list.append(this.make(id));
    }
  }

  #order() {
    const rows = [...this.list.querySelectorAll(":scope > [data-row]")];
    const wanted = this.#ordered(this.shown.keys()).map((id) => this.shown.get(id));
    this.#pause.tell(() => moves(rows, wanted));
    if (!this.#pause.isOn) put(this.list, rows[0] ?? null, wanted);
  }

  #show() {
    const isLeft = document.activeElement === this.button;
    const fresh = [...this.#waiting].map((id) => this.make(id));
    this.list.prepend(...fresh);
    this.#waiting.clear();
    this.#pause.end();
    // A user who pressed the button by key continues where it led, not at the top of the page.
    if (isLeft && fresh.length > 0) this.#focus([...this.list.children].find((row) => fresh.includes(row)));
    this.done();
  }

  #focus(row) {
    row.tabIndex = -1;
    row.focus();
  }
}

/**
 * Rows by time, then by id. `data-by` names the field with the time, or `key` where it is the item's own key;
 * `data-order="newest"` reverses the order.
 */
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
