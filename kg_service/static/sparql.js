// Puts an editor in place of the plain text field, where the editor is installed.
"use strict";
const field = document.getElementById("own");
const query = document.getElementById("query");

function edit() {
  const box = document.createElement("div");
  field.after(box);
  const editor = ace.edit(box, {
    mode: "ace/mode/sparql",
    value: field.value,
    minLines: 14,
    maxLines: 30,
    showPrintMargin: false,
    useWorker: false,
    enableKeyboardAccessibility: true, // Escape leaves the editor, so that Tab goes on
    theme: matchMedia("(prefers-color-scheme: dark)").matches ? "ace/theme/twilight" : "ace/theme/textmate",
  });
  editor.textInput.getElement().setAttribute("aria-label", query.querySelector("label").textContent);
  editor.session.on("change", () => {
    field.value = editor.getValue();
  });
  editor.commands.addCommand({
    name: "run",
    bindKey: { win: "Ctrl-Enter", mac: "Command-Enter" },
    exec: () => query.requestSubmit(),
  });
  field.hidden = true;
}

if (window.ace) edit();
