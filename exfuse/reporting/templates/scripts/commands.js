// Each command gets a button that copies it; where the browser keeps the clipboard to itself, it selects the words.
async function copyCommand(code, button) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = document.execCommand("copy") ? "Copied" : "Selected";
  }
  setTimeout(() => { button.textContent = "Copy"; }, 2000);
}

for (const place of document.querySelectorAll(".command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-live", "polite");
  const code = place.querySelector("code");
  button.title = "Copy the command";
  button.addEventListener("click", () => copyCommand(code, button));
  place.append(button);
}
