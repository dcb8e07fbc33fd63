// Drafts: typed text that is not sent yet. It is kept in this browser, by form and by user, so that neither a restart
// of the server nor a reload loses a word. It is removed when it was sent, when the sign-in ends (signed_out.js), so
// that the next person at a shared desk does not find it, and after two weeks.

const PREFIX = "callboard.draft.";
const SIGNED = "callboard.signed.";
const LIFE = 14 * 24 * 3600 * 1000;

/** The fields with a user's own text or choices. */
const typed = (form) =>
  [...form.elements].filter(
    (field) => field.name && !field.matches("button, [type=hidden], [type=password], [data-remember], [data-choices]"),
  );

const isOwn = (field) =>
  field.options
    ? [...field.options].some((option) => option.selected && !option.defaultSelected && option.index > 0)
    : field.value !== field.defaultValue;

export class Drafts {
  /** `person`: the user; empty on a server without sign-in. */
  constructor(person, storage = () => localStorage) {
    this.person = person;
    this.storage = storage;
  }

  #name(form) {
    return `${PREFIX}${JSON.stringify([this.person, new URL(form.action, location.href).pathname])}`;
  }

  /** Stores a form's values with their idempotency key. Returns whether they are stored. */
  keep(form) {
    const values = Object.fromEntries(
      typed(form)
        .filter(isOwn)
        .map((field) => [field.name, field.value]),
    );
    if (Object.keys(values).length === 0) return this.drop(form);
    const draft = { values, key: form.elements.idempotency_key?.value, at: Date.now() };
    return this.#try((storage) => storage.setItem(this.#name(form), JSON.stringify(draft)));
  }

  /** Restores a draft. Returns whether there was one. */
  restore(form) {
    let draft = null;
    this.#try((storage) => (draft = JSON.parse(storage.getItem(this.#name(form)))));
    if (!draft?.values) return false;
    for (const field of typed(form))
      if (typeof draft.values[field.name] === "string") field.value = draft.values[field.name];
    if (draft.key && form.elements.idempotency_key) form.elements.idempotency_key.value = draft.key;
    return true;
  }

  /** Removes a draft that was sent or cancelled. */
  drop(form) {
    return this.#try((storage) => storage.removeItem(this.#name(form)));
  }

  /** Removes the drafts of all users that were not changed for two weeks. */
  sweep(now = Date.now()) {
    this.#try((storage) => {
      for (const name of Object.keys(storage).filter((name) => name.startsWith(PREFIX))) {
        const at = JSON.parse(storage.getItem(name))?.at;
        if (!(now - at < LIFE)) storage.removeItem(name);
      }
    });
  }

  #try(work) {
    return attempt(this.storage, work);
  }
}

/**
 * The name that a user signs with. It is filled in for this user the next time, and for no other user of the same
 * browser.
 */
export class Signature {
  constructor(person, storage = () => localStorage) {
    this.person = person;
    this.storage = storage;
  }

  #name(field) {
    return `${SIGNED}${JSON.stringify([this.person, field])}`;
  }

  /** The last stored value of a field; empty without one. */
  of(field) {
    let known = null;
    attempt(this.storage, (storage) => (known = storage.getItem(this.#name(field))));
    return known ?? "";
  }

  keep(field, value) {
    attempt(this.storage, (storage) => storage.setItem(this.#name(field), value));
  }

  /** Earlier versions kept it for all users of the browser. */
  sweep() {
    attempt(this.storage, (storage) =>
      ["callboard.who", "callboard.email"].forEach((name) => storage.removeItem(name)),
    );
  }
}

/** Returns whether the storage worked: it may be forbidden or full. */
function attempt(storage, work) {
  try {
    work(storage());
    return true;
  } catch {
    return false;
  }
}
