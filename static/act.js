// Forms that act: sent in the background with a key that makes a second press harmless. Without script the same form is
// posted as it is.

const CONFLICT = 409;

/** Makes every `form[data-act]` act in place. */
export function actions(root = document) {
  for (const form of root.querySelectorAll("form[data-act]")) {
    form.elements.idempotency_key.value ||= freshKey();
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
  }
}

async function send(form) {
  const answer = form.querySelector("[data-answer]");
  const button = form.querySelector("button");
  const { idempotency_key: key, ...fields } = Object.fromEntries(new FormData(form));
  const body = Object.fromEntries(Object.entries(fields).filter(([, value]) => value.trim() !== ""));
  if (body.tags) body.tags = body.tags.split(",").map((tag) => tag.trim()).filter(Boolean);
  if (body.session_id) body.session_id = Number(body.session_id);
  button.disabled = true;
  say(answer, "Sending…", "busy");
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Idempotency-Key": key },
      body: JSON.stringify(body),
    });
    if (response.ok) {
      form.reset();
      form.elements.idempotency_key.value = freshKey();
      say(answer, "Asked for. It comes to the top of the table.", "done");
    } else if (response.status === CONFLICT) {
      // The key belongs to a deed that did arrive, with other words. Whatever is pressed next is a new one.
      form.elements.idempotency_key.value = freshKey();
      say(answer, "An earlier version was already taken: see the table.", "failed");
    } else {
      const problem = await response.json().catch(() => ({}));
      const why = [problem.title, problem.detail].filter(Boolean).join(" ");
      say(answer, why || `The server refused it with status ${response.status}.`, "failed");
    }
  } catch {
    // The key stays: whether or not the first try arrived, the next is the same deed.
    say(answer, "The server did not answer. Nothing is lost: press again, it will not be sent twice.", "failed");
  } finally {
    button.disabled = false;
  }
}

// Where the page did not come by a safe way, browsers have no `randomUUID`.
const freshKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function say(node, text, state) {
  node.textContent = text;
  node.dataset.state = state;
}
