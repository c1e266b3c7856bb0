"use strict";
(() => {
  const clips = JSON.parse(document.getElementById("clips").textContent);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const tabs = all("[role=tab]");
  const video = (reel) => document.querySelector(`video[data-reel="${reel}"]`);
  let shown = (tabs.find((tab) => clips[tab.dataset.reel].length) || tabs[0])?.dataset.reel;

  function show(reel) {
    if (reel !== shown) video(shown)?.pause();
    shown = reel;
    for (const tab of tabs) {
      const here = tab.dataset.reel === reel;
      tab.setAttribute("aria-selected", here);
      tab.tabIndex = here ? 0 : -1;
    }
    for (const part of all(".reel, .clips")) part.classList.toggle("shown", part.dataset.reel === reel);
    follow();
  }

  function play(reel, atMs) {
    show(reel);
    const player = video(reel);
    player.currentTime = atMs / 1000;
    player.play()?.catch(() => {});
  }

  // Number of the clip that the reel shows at a time, in milliseconds since its start.
  function clipAt(reel, atMs) {
    let found = -1;
    clips[reel].forEach((clip, number) => { if (clip[2] <= atMs + 1) found = number; });
    return found;
  }

  // Mark the clip, the actions and the place on the timeline that the player shows.
  function follow() {
    const player = video(shown);
    const atMs = player ? player.currentTime * 1000 : 0;
    const number = player ? clipAt(shown, atMs) : -1;
    const clip = number < 0 ? null : clips[shown][number];
    const matchMs = clip ? Math.min(clip[0] + atMs - clip[2], clip[1]) : -1;
    all(`.clips[data-reel="${shown}"] .clip`).forEach((link, index) => {
      if (index === number) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
      if (index === number) document.querySelector(`#reel-${shown} .clip-now`).textContent =
        `${number + 1} of ${clips[shown].length} · ${link.querySelector("b").textContent}`;
    });
    for (const item of all(".actions li, .mark")) {
      const on = clip !== null && item.dataset.ms >= clip[0] && item.dataset.ms <= clip[1];
      item.classList.toggle("on", on);
      if (on) item.setAttribute("aria-current", "true"); else item.removeAttribute("aria-current");
    }
    for (const half of all(".half")) {
      const start = Number(half.dataset.start), end = Number(half.dataset.end);
      const head = half.querySelector(".playhead");
      const x = `${(100 * (matchMs - start)) / (end - start)}%`;
      head.setAttribute("x1", x);
      head.setAttribute("x2", x);
      head.setAttribute("visibility", matchMs >= start && matchMs < end ? "visible" : "hidden");
    }
  }

  function step(by) {
    const player = video(shown);
    if (!player) return;
    const number = Math.min(Math.max(clipAt(shown, player.currentTime * 1000) + by, 0), clips[shown].length - 1);
    play(shown, clips[shown][number][2]);
  }

  // An action may be in several reels: stay in the one that is shown where that is possible.
  function playAction(link) {
    const places = link.dataset.places.trim().split(" ").map((place) => place.split(":"));
    const [reel, atMs] = places.find((place) => place[0] === shown) || places[0];
    play(reel, Number(atMs));
  }

  function filter(button) {
    const buttons = all(".filters button");
    const whole = buttons[0];
    if (button === whole) buttons.forEach((one) => one.setAttribute("aria-pressed", one === whole));
    else {
      button.setAttribute("aria-pressed", button.getAttribute("aria-pressed") !== "true");
      whole.setAttribute("aria-pressed", !buttons.slice(1).some((one) => one.getAttribute("aria-pressed") === "true"));
    }
    const wanted = new Set(buttons.slice(1).filter((one) => one.getAttribute("aria-pressed") === "true")
      .map((one) => one.dataset.label));
    const off = (label) => wanted.size > 0 && !wanted.has(label);
    for (const line of all(".actions li")) line.hidden = off(line.dataset.label);
    for (const mark of all(".mark")) mark.classList.toggle("off", off(mark.dataset.label));
  }

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    const link = at("a.clip, a.action");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
      event.preventDefault();
      if (link.dataset.places) playAction(link); else play(link.dataset.reel, Number(link.dataset.at));
    } else if (at("[role=tab]")) show(at("[role=tab]").dataset.reel);
    else if (at(".step")) step(Number(at(".step").dataset.step));
    else if (at(".filters button")) filter(at(".filters button"));
    else if (at(".mark")) {
      const line = all(".actions li").find((one) => one.dataset.ms === at(".mark").dataset.ms
        && one.dataset.label === at(".mark").dataset.label);
      const target = line?.querySelector("a.action");
      if (target) playAction(target);
    }
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = (selector) => event.target instanceof Element && event.target.closest(selector);
    const tab = at("[role=tab]");
    if (tab && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const by = event.key === "ArrowRight" ? 1 : -1;
      const next = tabs[(tabs.indexOf(tab) + by + tabs.length) % tabs.length];
      show(next.dataset.reel);
      next.focus();
    } else if (event.key === "n" || event.key === "N") step(1);
    else if (event.key === "p" || event.key === "P") step(-1);
    else if (event.key === " " && !at("button, a, video")) {
      const player = video(shown);
      if (!player) return;
      event.preventDefault();
      if (player.paused) player.play()?.catch(() => {}); else player.pause();
    }
  });

  for (const player of all("video")) {
    player.addEventListener("timeupdate", follow);
    player.addEventListener("seeked", follow);
  }
  document.documentElement.classList.add("scripted");
  if (shown) show(shown);
})();
