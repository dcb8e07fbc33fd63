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
   * `clock` tells `now()` and `zone`; `lists` place rows: `{ collection, has(id), ids(), add(id), remove(id), done()
   * }`, where `collection` is a path. `asked`: the queues' metrics that Clarity is asked for.
   */
  constructor(doc, clock, asked, root = document) {
    this.#doc = doc;
    this.clock = clock;
    this.asked = asked;
    this.adopt(root);
    // A fade that is over, or that was cut short because its row was hidden, must not begin again.
    const faded = (event) => event.animationName === "changed" && event.target.classList.remove("changed");
    for (const end of ["animationend", "animationcancel"]) root.addEventListener(end, faded);
  }

  /** The document as it is. */
  get doc() {
    return this.#doc;
  }

  /** Takes the nodes below `root` in. */
  adopt(root) {
    for (const node of bound(root)) for (const path of paths(node)) this.#at(path).add(node);
  }

  /** Lets go of the nodes below `root`. */
  release(root) {
    for (const node of bound(root)) {
      for (const path of paths(node)) {
        const nodes = this.#nodes.get(path);
        nodes?.delete(node);
        if (nodes?.size === 0) this.#nodes.delete(path);
      }
    }
  }

  /** Keeps the rows of a list what the document says. */
  keep(list) {
    this.#lists.push(list);
  }

  /** A patch has come. */
  change(patch) {
    const before = this.#doc;
    this.#doc = apply(before, patch);
    touched(before, patch, (path) => this.#mark(path));
    this.#schedule();
  }

  /** A whole document has come. */
  replace(doc) {
    this.#doc = doc;
    this.#everything = true;
    this.#schedule();
  }

  /** Paints everything at once. */
  repaint() {
    for (const list of this.#lists) this.#sync(list, null);
    for (const nodes of this.#nodes.values()) for (const node of nodes) this.#paint(node);
    for (const list of this.#lists) list.done?.();
  }

  /** Makes a row from its template and paints it. */
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
    // Names stand in many places: of rows, totals and choices that other entities are shown in, and of metrics. Why a
    // number is not known hangs on the state of its source, and on what is hidden.
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
    // Where frames are not drawn, the document must not run ahead of the page while the page says "Live".
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
    const where = { doc: this.#doc, now: this.clock.now(), zone: this.clock.zone, asked: this.asked };
    return paint(node, at(this.#doc, node.dataset.path), where);
  }
}

/**
 * Shows for a second that a cell has changed. What is hidden, or closed, changes unseen: it must not flash when it is
 * shown.
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
