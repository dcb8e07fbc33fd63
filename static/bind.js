// From a path of the document to the nodes that show it. Cells are touched one by one, in one flush per frame; a node
// is never replaced, so that focus, selection and scroll stay where they are.

import { apply, at, step, touched } from "./patch.js";
import { paint } from "./paint.js";

export class Binding {
  #doc;
  #nodes = new Map(); // path -> Set of nodes that show it
  #dirty = new Set();
  #everything = false;
  #frame = 0;
  #late = 0;
  #lists = [];

  /**
   * `clock` has `now()` and `zone`; `lists` place rows: `{ collection, has(id), ids(), add(id), remove(id), done()
   * }`, where `collection` is a path. `metrics`: the queue metrics that are requested from Clarity.
   */
  constructor(doc, clock, metrics, root = document) {
    this.#doc = doc;
    this.clock = clock;
    this.metrics = metrics;
    this.adopt(root);
    // A fade that is over, or that was cut short because its row was hidden, must not begin again.
    const faded = (event) => event.animationName === "changed" && event.target.classList.remove("changed");
    for (const end of ["animationend", "animationcancel"]) root.addEventListener(end, faded);
  }

  /** The document as it is. */
  get doc() {
    return this.#doc;
  }

  /** Binds the nodes below `root`. */
  adopt(root) {
    for (const node of bound(root)) for (const path of paths(node)) this.#at(path).add(node);
  }

  /** Unbinds the nodes below `root`. */
  release(root) {
    for (const node of bound(root)) {
      for (const path of paths(node)) {
        const nodes = this.#nodes.get(path);
        nodes?.delete(node);
        if (nodes?.size === 0) this.#nodes.delete(path);
      }
    }
  }

  /** Keeps the rows of a list equal to the document. */
  keep(list) {
    this.#lists.push(list);
  }

  /** Applies a patch. */
  change(patch) {
    const before = this.#doc;
    this.#doc = apply(before, patch);
    touched(before, patch, (path) => this.#mark(path));
    this.#schedule();
  }

  /** Applies a snapshot. */
  replace(doc) {
    this.#doc = doc;
    this.#everything = true;
    this.#schedule();
  }

  /** Renders everything at once. */
  repaint() {
    for (const list of this.#lists) this.#sync(list, null);
    for (const nodes of this.#nodes.values()) for (const node of nodes) this.#paint(node);
    for (const list of this.#lists) list.done?.();
  }

  /** Makes a row from its template and renders it. */
  row(template, id) {
    const row = template.content.firstElementChild.cloneNode(true);
    for (const node of [row, ...row.querySelectorAll("*")]) {
      for (const { name, value } of [...node.attributes]) {
        if (!value.includes("{id}")) continue;
        // An address begins with a slash, and no path of the document does.
        const filled = value.startsWith("/")
          ? encodeURIComponent(id)
          : name.startsWith("data-") && name !== "data-row"
            ? step(id)
            : id;
        node.setAttribute(name, value.replaceAll("{id}", filled));
      }
    }
    for (const node of bound(row)) this.#paint(node);
    this.adopt(row);
    return row;
  }

  #at(path) {
    if (!this.#nodes.has(path)) this.#nodes.set(path, new Set());
    return this.#nodes.get(path);
  }

  #mark(path) {
    // Names are shown in many places: rows, totals and choices of other entities, and metrics. The reason for an
    // unknown number depends on the state of its source, and on what is hidden.
    if (
      /^(?:(?:queues|teams)\/[^/]+\/name|labels\/.*|sources\/[^/]+\/(?:state|reason)|.*\/hidden(?:\/.*)?)$/.test(path)
    )
      this.#everything = true;
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) this.#dirty.add(path.slice(0, end));
    if (path === "") this.#everything = true;
  }

  #schedule() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => this.#flush());
    // In a hidden tab no frames are drawn; the page must not say "Live" while the document is ahead of it.
    this.#late = setTimeout(() => this.#flush(), 250);
  }

  #flush() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#late);
    this.#frame = 0;
    const [dirty, everything] = [this.#dirty, this.#everything];
    [this.#dirty, this.#everything] = [new Set(), false];
    if (everything) return this.repaint();
    for (const list of this.#lists) this.#sync(list, dirty);
    for (const path of dirty) for (const node of this.#nodes.get(path) ?? []) if (this.#paint(node)) fade(node);
    for (const list of this.#lists) if (dirty.has(list.collection)) list.done?.();
  }

  #sync(list, dirty) {
    if (dirty && !dirty.has(list.collection)) return;
    const wanted = at(this.#doc, list.collection) ?? {};
    for (const id of [...list.ids()]) if (!Object.hasOwn(wanted, id)) list.remove(id);
    for (const id of Object.keys(wanted)) if (!list.has(id)) list.add(id);
  }

  #paint(node) {
    const where = { doc: this.#doc, now: this.clock.now(), zone: this.clock.zone, metrics: this.metrics };
    return paint(node, at(this.#doc, node.dataset.path), where);
  }
}

/**
 * Marks a changed cell for a second. A hidden or closed cell is not marked: it must not flash when it is shown
 * later.
 */
function fade(node) {
  if (!still.matches && !node.closest("[hidden], details:not([open])")) node.classList.add("changed");
}

const still = globalThis.matchMedia?.("(prefers-reduced-motion: reduce)") ?? { matches: true };

const bound = (root) => {
  const below = [...root.querySelectorAll("[data-path]")];
  return root.dataset?.path ? [root, ...below] : below;
};

const paths = (node) => [node.dataset.path, ...(node.dataset.also ? [node.dataset.also] : [])];
