// The order of rows, and how it pauses: a row with the pointer or the focus must not be moved away under
// their hand. The page says so, and not for long.

import { text as textOf } from "./labels.js";
import { write } from "./paint.js";

/** For how long the order may pause, in milliseconds. After that rows are ordered wherever the pointer is. */
const LONGEST_PAUSE = 30_000;

export class Pause {
  /** `no`: rows are ordered. `on`: a row is in use. `over`: it was in use for too long, or the user wants the order. */
  #state = "no";
  #timer = 0;

  /** Rows are what is inside `within` below `root`: a heading pauses nothing. `keep()` orders the rows. */
  constructor(root, within, pill, keep) {
    Object.assign(this, { pill, keep });
    const isRow = (node) => node instanceof Element && root.contains(node) && root.contains(node.closest(within));
    const isUsed = () =>
      isRow(document.activeElement) ||
      [root, ...root.querySelectorAll(within)].some((node) => node.matches(`${within}:hover`));
    const begin = ({ target }) => {
      if (this.#state !== "no" || !isRow(target)) return;
      this.#state = "on";
      this.#timer = setTimeout(() => this.#resume("over"), LONGEST_PAUSE);
    };
    const end = () => this.#state !== "no" && !isUsed() && this.#resume("no");
    root.addEventListener("pointerover", begin);
    root.addEventListener("focusin", begin);
    // Where the pointer or the focus goes is only known after it has left.
    for (const left of ["pointerout", "pointerleave", "focusout"])
      root.addEventListener(left, () => requestAnimationFrame(end));
    pill?.addEventListener("click", () => this.end());
  }

  /** Whether rows must stay where they are. */
  get isOn() {
    return this.#state === "on";
  }

  /** The user wants the order now, whatever has the pointer. */
  end() {
    this.#resume(this.isOn ? "over" : this.#state);
  }

  /** Shows how many rows would move, while they may not. */
  tell(late) {
    const count = this.isOn ? late() : 0;
    if (!this.pill) return;
    this.pill.classList.toggle("shown", count > 0);
    this.pill.disabled = count === 0;
    const text = textOf(count === 1 ? "orderPausedOne" : "orderPaused", { n: count });
    write(this.pill, count > 0 ? text : "");
  }

  #resume(state) {
    clearTimeout(this.#timer);
    this.#state = state;
    this.keep();
  }
}

const collator = new Intl.Collator(undefined, { numeric: true });
export const byNumber = (a, b) => Number(a) - Number(b);
export const byText = collator.compare;

/** Rows without a value come last in either direction. */
export function compare(a, b, by, sign = 1) {
  const isNone = (value) => value === "" || (by === byNumber && Number.isNaN(Number(value)));
  if (isNone(a) || isNone(b)) return Number(isNone(a)) - Number(isNone(b));
  return sign * by(a, b);
}

/**
 * The least number of visible rows that must move: all but the longest run that is in order.
 */
export function moves(rows, wanted) {
  const places = new Map(wanted.map((row, place) => [row, place]));
  const seen = rows.filter((row) => !row.hidden).map((row) => places.get(row));
  const ends = [];
  for (const place of seen) {
    const longer = ends.findIndex((end) => end > place);
    ends[longer < 0 ? ends.length : longer] = place;
  }
  return seen.length - ends.length;
}

/** Puts nodes in this order, before `here`. Nodes are moved, not removed, so that the focus stays. */
export function put(parent, here, wanted) {
  for (const node of wanted) {
    if (node === here) here = here.nextElementSibling;
    else if (parent.moveBefore && node.isConnected) parent.moveBefore(node, here);
    else parent.insertBefore(node, here);
  }
}
