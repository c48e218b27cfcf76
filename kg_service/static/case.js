// Keeps the answers in step with the form. Without this script the same form works, by its buttons.
"use strict";
const PAUSE = 200; // milliseconds without a key before the answers are asked for
const form = document.getElementById("case");
const answers = document.getElementById("answers");
const stale = document.getElementById("stale");
let asking = null;
let timer = null;

async function update(shown) {
  clearTimeout(timer);
  if (asking) asking.abort();
  const mine = (asking = new AbortController());
  answers.setAttribute("aria-busy", "true");
  const fields = new FormData(form);
  fields.delete("json");
  if (shown) fields.set("shown", shown);
  try {
    const answer = await fetch(form.getAttribute("action"), {
      method: "POST",
      headers: { "X-Part": "answers" },
      body: new URLSearchParams(fields),
      signal: mine.signal,
    });
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    if (mine !== asking) return;
    const open = new Set([...answers.querySelectorAll("details[open] > summary")].map(nameOf));
    const top = answers.querySelector(".verdicts")?.scrollTop ?? 0;
    answers.innerHTML = text;
    answers.querySelector(".verdicts").scrollTop = top;
    for (const summary of answers.querySelectorAll("summary")) summary.parentElement.open = open.has(nameOf(summary));
    answers.removeAttribute("aria-busy");
    stale.hidden = true;
  } catch (error) {
    if (error.name === "AbortError") return;
    // Old answers beside a new form would be wrong answers.
    answers.replaceChildren();
    stale.textContent = stale.dataset.failed;
    stale.hidden = false;
  }
}

function nameOf(summary) {
  const section = summary.closest("section");
  return section.querySelector("h2").textContent + summary.firstChild.textContent;
}

form.addEventListener("input", (event) => {
  if (event.target.id === "json") return;
  const field = event.target.closest(".field");
  if (field) field.classList.toggle("filled", isFilled(field));
  answers.setAttribute("aria-busy", "true");
  clearTimeout(timer);
  timer = setTimeout(update, PAUSE);
});

function isFilled(field) {
  return [...field.querySelectorAll("input:not([type=hidden]), .entry > select:only-child")].some((one) =>
    one.type === "radio" || one.type === "checkbox" ? one.checked && one.value !== "" : one.value !== "",
  );
}

answers.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=show]");
  if (!button) return;
  event.preventDefault();
  update(button.value).then(() => {
    const now = [...answers.querySelectorAll("button[name=show]")].find((one) => one.value === button.value);
    if (now) now.focus({ preventScroll: true });
  });
});
