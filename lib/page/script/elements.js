// Elements, dialogs, and what is said aloud.

const status = document.querySelector("#status");

/** Makes an element: its properties, `class` and `on…` among them, and its children. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "class") element.className = value;
    else if (key.includes("-")) element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children);
  return element;
}

export function say(text) {
  status.textContent = text;
}

/** Asks with a dialog; resolves to what the button stands for, or null where it was closed. */
export function ask(title, body, buttons) {
  return new Promise((resolve) => {
    const dialog = make("dialog", { "aria-labelledby": "dialog-title" });
    const form = make("form", { method: "dialog" });
    form.append(make("h2", { id: "dialog-title" }, title), ...body);
    const row = make("div", { class: "row" });
    for (const [text, value, className = ""] of buttons) {
      row.append(make("button", { value, class: className }, text));
    }
    form.append(row);
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "" ? null : dialog.returnValue);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

export async function askForText(title, label, value, button) {
  const input = make("input", { type: "text", value, required: true, "aria-label": label });
  const answered = ask(title, [input], [[button, "yes", "main"]]);
  input.focus();
  const end = value.lastIndexOf(".");
  input.setSelectionRange(0, end > 0 ? end : value.length);
  return await answered === "yes" && input.value !== "" ? input.value : null;
}

/** Asks the server for a change; what fails is told, in its words. */
export async function succeeds(url, options) {
  let text = "The server could not be reached.";
  try {
    const response = await fetch(url, options);
    if (response.ok) return true;
    text = await response.text();
  } catch {
    // The connection was lost.
  }
  await ask("That did not work", [make("p", {}, text.slice(0, 300))], [["Close", "no"]]);
  return false;
}
