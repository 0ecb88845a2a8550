// Tables go to the clipboard as text: the files of the same name under results/<preset>/tables/.
const texts = JSON.parse(document.getElementById("table-texts").textContent);

// Where a browser keeps the clipboard from pages on a disk, a selected text field still works.
function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const done = document.execCommand("copy");
  field.remove();
  if (!done) throw new Error("no access to the clipboard");
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyBySelection(text);
  }
}

for (const line of document.querySelectorAll("[data-copies]")) {
  line.hidden = false;
  const state = line.querySelector("[role=status]");
  for (const button of line.querySelectorAll("button")) {
    button.addEventListener("click", async () => {
      try {
        await copy(texts[line.dataset.copies][button.dataset.form]);
        state.textContent = `${button.textContent} copied`;
      } catch (error) {
        state.textContent = `not copied: ${error.message}`;
      }
      button.focus();
    });
  }
}
