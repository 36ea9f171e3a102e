"use strict";
let channel = null, sight = null;
const make = (tag, name, text) => {
  const node = document.createElement(tag);
  if (name) node.className = name;
  if (text !== undefined) node.textContent = text;
  return node;
};
const short = (hex) => hex.slice(0, 6) + "…" + hex.slice(-4);
const relative = (at) => {
  const gap = at - sight.now, size = Math.abs(gap);
  const [unit, seconds] = size >= 86400 ? ["day", 86400] : size >= 3600 ? ["hour", 3600] : size >= 60 ? ["minute", 60] : ["second", 1];
  return new Intl.RelativeTimeFormat("en", { numeric: "auto" }).format(Math.round(gap / seconds), unit);
};
const full = (at) => new Date(at * 1000).toLocaleString("en-GB", { dateStyle: "long", timeStyle: "short" });
const anchor = (text, url) => {
  if (!url || !/^https?:\/\//.test(url)) return make("code", "", text);
  const node = make("a", "", text);
  node.href = url; node.rel = "noreferrer noopener"; node.target = "_blank";
  return node;
};
const shapes = {
  plain: (text) => document.createTextNode(text),
  foreign: (text) => document.createTextNode(text),
  code: (text) => make("code", "", text),
  bold: (text) => make("strong", "", text),
  struck: (text) => make("s", "", text),
  time: (time) => { const node = make("time", "", time.style === "relative" ? relative(time.at) : full(time.at)); node.title = full(time.at); return node; },
  link: (link) => anchor(link.text, link.url),
  address: (it) => anchor(short(it.address), it.url),
  transaction: (it) => anchor(short(it.hash), it.url),
  block: (it) => anchor(String(it.number), it.url),
};
const write = (node, text) => {
  for (const span of text) for (const [shape, value] of Object.entries(span)) node.append(shapes[shape](value));
  return node;
};
const signs = { critical: "🔴", warning: "🟠", info: "🔵", resolved: "🟢", retracted: "⚪" };
const drawCard = (card, picture) => {
  const node = make("section", "card " + card.severity);
  node.append(write(make("div", "author"), card.author));
  node.append(write(make("h2", "", signs[card.severity] + " "), card.title));
  for (const line of card.body) node.append(write(make("div"), line));
  if (card.fields.length) {
    const list = make("dl", "fields");
    for (const field of card.fields) {
      const pair = make("div", field.inline ? "" : "wide");
      pair.append(make("dt", "", field.name), write(make("dd"), field.value));
      list.append(pair);
    }
    node.append(list);
  }
  if (picture) {
    const image = make("img", "chart");
    image.src = picture.path; image.alt = picture.words;
    node.append(image);
  }
  node.append(make("div", "faint", card.footer + " • " + full(card.at)));
  return node;
};
const drawMessage = (it) => {
  const node = make("article", it.is_deleted ? "deleted" : "");
  if (it.reply_to !== null) node.append(make("div", "reply", "↰ reply to message " + it.reply_to));
  const head = make("div", "head");
  head.append(make("b", "", "steward"), make("span", "app", "APP"), make("span", "faint", "#" + it.channel + " · " + full(it.at)));
  if (it.is_deleted) head.append(make("span", "faint", "(deleted)"));
  else if (it.edits) head.append(make("span", "faint", "(edited)"));
  node.append(head);
  const line = make("div");
  for (const role of it.message.mention_roles || []) line.append(make("span", "pill", "@role " + role), " ");
  if (it.message.content) write(line, it.message.content);
  if (line.childNodes.length) node.append(line);
  it.message.cards.forEach((card, index) => node.append(drawCard(card, it.pictures[index])));
  if (it.message.table) node.append(make("pre", "", it.message.table));
  for (const file of it.message.attachments || []) node.append(make("div", "faint", "📎 " + file.name));
  const row = make("div", "buttons");
  for (const card of it.message.cards) for (const button of card.buttons) {
    const face = make("button", "", button.label);
    face.disabled = true; row.append(face);
  }
  if (row.childNodes.length) node.append(row);
  return node;
};
const draw = () => {
  const names = [...new Set(sight.messages.map((it) => it.channel))];
  const nav = document.getElementById("channels");
  const wanted = [null, ...names];
  if (nav.childNodes.length !== wanted.length) nav.replaceChildren(...wanted.map((name) => {
    const tab = make("button", "", name === null ? "all" : "# " + name);
    tab.addEventListener("click", () => { channel = name; draw(); });
    return tab;
  }));
  wanted.forEach((name, index) => nav.childNodes[index].setAttribute("aria-pressed", String(name === channel)));
  const shown = sight.messages.filter((it) => channel === null || it.channel === channel);
  document.getElementById("messages").replaceChildren(...shown.map(drawMessage));
  if (shown.length) document.getElementById("state").textContent = shown.length + " messages";
};
const follow = async () => {
  for (;;) {
    try {
      const answer = await fetch("/preview/messages?after=" + (sight ? sight.version : ""));
      if (!answer.ok) throw new Error(String(answer.status));
      const news = await answer.json();
      const isNew = !sight || news.version !== sight.version;
      sight = news;
      if (isNew) draw();
      // A still picture, for screenshots: it does not follow.
      if (new URLSearchParams(location.search).has("still")) {
        const root = document.documentElement;
        root.dataset.sideways = root.scrollWidth - root.clientWidth;
        return;
      }
    } catch {
      document.getElementById("state").textContent = "No answer from steward; trying again.";
      await new Promise((done) => setTimeout(done, 2000));
    }
  }
};
follow();
