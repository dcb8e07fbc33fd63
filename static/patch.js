// RFC 7396: JSON Merge Patch. Pure: the target is never changed, and what the patch does not name is shared with it.

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** Applies `patch` to `target`. */
export function apply(target, patch) {
  if (!isObject(patch)) return patch;
  const result = isObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else if (key === "__proto__") Object.defineProperty(result, key, own(apply(undefined, value)));
    else result[key] = apply(Object.hasOwn(result, key) ? result[key] : undefined, value);
  }
  return result;
}

const own = (value) => ({ value, configurable: true, enumerable: true, writable: true });

/** One step of a path. A key may itself contain a slash. */
export const step = (key) => key.replaceAll("~", "~0").replaceAll("/", "~1");

/** Calls `visit` with the path of everything that `patch` changes in `before`, down to the leaves. */
export function touched(before, patch, visit, path = "") {
  if (!isObject(patch)) {
    visit(path);
    // A removed or replaced value takes everything below it along.
    if (isObject(before)) for (const key of Object.keys(before)) touched(before[key], null, visit, join(path, key));
    return;
  }
  if (!isObject(before)) visit(path);
  for (const [key, value] of Object.entries(patch)) {
    touched(isObject(before) && Object.hasOwn(before, key) ? before[key] : undefined, value, visit, join(path, key));
  }
}

const join = (path, key) => (path ? `${path}/${step(key)}` : step(key));

/** The value at a path of a document. */
export function at(doc, path) {
  let value = doc;
  for (const key of path.split("/")) {
    const name = key.replaceAll("~1", "/").replaceAll("~0", "~");
    if (!isObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
