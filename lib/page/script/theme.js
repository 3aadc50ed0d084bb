// Dark and light: as the system has it, until the reader chooses.

function setTheme(theme) {
  if (theme === null) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const themeButton = document.querySelector("#theme");
try {
  setTheme(localStorage.getItem("theme"));
} catch {
  // The browser keeps nothing for this page.
}
themeButton.hidden = false;
themeButton.addEventListener("click", () => {
  const isDark = getComputedStyle(document.documentElement).colorScheme === "dark" ||
    document.documentElement.dataset.theme === undefined &&
      matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = isDark ? "light" : "dark";
  setTheme(theme);
  try {
    localStorage.setItem("theme", theme);
  } catch {
    // It lasts until the page is left.
  }
});
