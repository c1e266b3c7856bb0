// Airflow shows the pages in a frame: they are as light or dark as the page around them.
const around = () => {
  try {
    return parent.document.documentElement.className;
  } catch {
    return "";
  }
};
const follow = () => {
  const dark = around().includes("dark") || (parent === window && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
};
follow();
try {
  new MutationObserver(follow).observe(parent.document.documentElement, { attributeFilter: ["class"] });
} catch {
  // another origin's frame: it stays as it is
}
