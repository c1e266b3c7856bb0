// One match: its reels play, its actions are reviewed. What is decided is sent at once; nothing is kept here.
const here = location.pathname.split("/").filter(Boolean).pop();
const api = `../../api/v1/matches/${here}`;
const $ = (id) => document.getElementById(id);
const video = $("video");
let match = null;
const mine = [];

const clock = (ms) => {
  const seconds = Math.floor(ms / 1000);
  return `${String(Math.floor(seconds / 60)).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
};
const same = (one, other) => one && other && one.match_ms === other.match_ms && one.label === other.label;
const decided = (action) => match.decisions.find((one) => same(one.before, action) || same(one.after, action));
const newId = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
const say = (text) => { $("said").textContent = text; };

async function ask(url, body) {
  const answer = await fetch(url, body && {
    method: "POST", headers: { "Content-Type": "application/json", "X-Touchline": "1" }, body: JSON.stringify(body),
  });
  const found = await answer.json();
  if (!answer.ok) throw new Error(typeof found.detail === "string" ? found.detail : `Airflow answered ${answer.status}`);
  return found;
}

async function load() {
  match = await ask(api);
  show();
}

// Where an action is seen: in a reel, at a time of it.
function seen(action) {
  for (const reel of match.reels) {
    const clip = reel.clips.find((one) => one.start_ms <= action.match_ms && action.match_ms < one.end_ms);
    if (clip) return { reel, at: (clip.reel_start_ms + Math.max(0, action.match_ms - clip.start_ms - 3000)) / 1000 };
  }
  return null;
}

function play(reel, at, start) {
  const address = `${api}/files/reels/${reel.video}`;
  const version = `${address}?${reel.sha256.slice(0, 12)}`;
  if (video.getAttribute("src") !== version) video.src = version;
  const go = () => { video.currentTime = at; if (start) video.play().catch(() => {}); };
  if (video.readyState > 0) go();
  else video.addEventListener("loadedmetadata", go, { once: true });
}

function show() {
  const place = document.activeElement?.dataset?.place;
  $("reels").replaceChildren(...match.reels.filter((reel) => reel.video).map((reel) => {
    const button = document.createElement("button");
    const clips = `${reel.clips.length} clip${reel.clips.length === 1 ? "" : "s"}`;
    button.textContent = `${reel.title}: ${clips}, ${clock(reel.duration_ms)}`;
    button.onclick = () => play(reel, 0, true);
    return button;
  }));
  const first = match.reels.find((reel) => reel.video);
  if (first && !video.hasAttribute("src")) play(first, 0, false);
  const added = match.decisions.filter((one) => one.after && !one.before
    && !match.actions.some((action) => same(action, one.after))).map((one) => one.after);
  const gone = match.decisions.filter((one) => one.before && !one.after
    && ![...match.actions, ...match.candidates].some((action) => same(action, one.before))).map((one) => one.before);
  const all = [...match.actions, ...added, ...gone].sort((one, other) => one.match_ms - other.match_ms);
  $("actions").replaceChildren(...all.map((action) => row(action, true)));
  $("candidates").replaceChildren(...match.candidates.map((action) => row(action, false)));
  $("again").hidden = match.unmade === 0;
  $("again").textContent = `Make the reels again (${match.unmade} new)`;
  $("undo").disabled = mine.length === 0;
  if (place) document.querySelector(`[data-place="${CSS.escape(place)}"]`)?.focus();
}

function row(action, isAction) {
  const item = $("row").content.firstElementChild.cloneNode(true);
  const set = (name, text) => { item.querySelector(`.${name}`).textContent = text; };
  const told = decided(action);
  item.dataset.place = `${action.match_ms} ${action.label}`;
  set("time", clock(action.match_ms));
  set("label", action.label);
  set("sure", action.confidence === undefined ? "" : `${Math.round(action.confidence * 100)} %`);
  if (told) {
    const is = !told.after ? "rejected" : same(told.after, told.before) ? "accepted" : !told.before ? "added"
      : `is ${told.after.label} at ${clock(told.after.match_ms)}`;
    set("decided", is);
    item.classList.toggle("rejected", !told.after);
  }
  const relabel = item.querySelector(".relabel");
  relabel.value = action.label;
  item.querySelector(".accept").onclick = () => accept(action, isAction);
  item.querySelector(".reject").onclick = () => decide({ before: bare(action), after: null }, "rejected");
  relabel.onchange = () => decide(
    { before: bare(action), after: { ...bare(action), label: relabel.value } }, `now ${relabel.value}`);
  item.onclick = (event) => { if (!event.target.closest("button, select")) watch(action); };
  item.onfocus = () => watch(action);
  item.act = { accept: () => accept(action, isAction), reject: item.querySelector(".reject").onclick, relabel };
  return item;
}

const bare = (action) => ({ match_ms: action.match_ms, label: action.label });

function accept(action, isAction) {
  return decide({ before: isAction ? bare(action) : null, after: bare(action) }, isAction ? "accepted" : "added");
}

function watch(action) {
  const found = seen(action);
  if (found) play(found.reel, found.at, true);
  else say("This moment is in no reel yet.");
}

async function decide(what, word) {
  const review_id = newId();
  try {
    await ask(`${api}/reviews`, { review_id, ...what });
    mine.push(review_id);
    const rows = [...document.querySelectorAll(".actions li")];
    const next = rows[rows.findIndex((one) => one === document.activeElement?.closest("li")) + 1];
    await load();
    if (next) document.querySelector(`[data-place="${CSS.escape(next.dataset.place)}"]`)?.focus();
    say(`${word}. ${match.unmade} new.`);
  } catch (error) {
    say(`Not written: ${error.message}`);
  }
}

async function undo() {
  const undoes = mine.pop();
  if (!undoes) return;
  try {
    await ask(`${api}/reviews`, { review_id: newId(), undoes });
    await load();
    say("Taken back.");
  } catch (error) {
    mine.push(undoes);
    say(`Not taken back: ${error.message}`);
  }
}

async function again() {
  const [recording, ...more_recordings] = match.recordings;
  try {
    const run = await ask("../../../api/v2/dags/process_match/dagRuns", {
      logical_date: null, conf: { recording, more_recordings, match_id: match.match_id },
    });
    say(`The reels are made again (${run.dag_run_id}).`);
    $("again").disabled = true;
    const timer = setInterval(async () => {
      await load();
      if (match.unmade > 0 && match.status !== "failed") return;
      clearInterval(timer);
      $("again").disabled = false;
      say(match.status === "failed" ? `Failed: ${match.reason}` : "The new reels are there.");
    }, 3000);
  } catch (error) {
    say(`Not started: ${error.message}`);
  }
}

$("again").onclick = again;
$("undo").onclick = undo;
document.addEventListener("keydown", (event) => {
  if (event.target.closest("select, input, textarea") || event.metaKey || event.altKey) return;
  const rows = [...document.querySelectorAll(".actions li")];
  const at = rows.indexOf(document.activeElement?.closest("li"));
  const keys = {
    ArrowDown: () => rows[Math.min(rows.length - 1, at + 1)]?.focus(),
    ArrowUp: () => rows[Math.max(0, at - 1)]?.focus(),
    ArrowLeft: () => { video.currentTime = Math.max(0, video.currentTime - 5); },
    ArrowRight: () => { video.currentTime += 5; },
    " ": () => (video.paused ? video.play() : video.pause()),
    a: () => rows[at]?.act.accept(),
    x: () => rows[at]?.act.reject(),
    l: () => rows[at]?.act.relabel.focus(),
    z: undo,
  };
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (!keys[key] || (event.key === " " && event.target.closest("button"))) return;
  event.preventDefault();
  keys[key]();
});

load().catch((error) => say(error.message));
