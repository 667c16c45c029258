/* Copying, the countdown, redrawing the page when its version changes, and the automatic return to the shop. */
(() => {
  "use strict";
  const d = document, root = d.documentElement, announcement = d.getElementById("announcement");
  const find = (selector) => d.querySelector(selector);
  let page, stream, polling, clearing, redrawing = false, endsAt = 0, returning = 0, lastRedraw = 0;
  root.classList.add("js");

  /* For screen readers. The text is removed again, since it is on the page as well. */
  const announce = (text) => {
    announcement.textContent = "";
    setTimeout(() => { announcement.textContent = text; }, 60);
    clearTimeout(clearing);
    clearing = setTimeout(() => { announcement.textContent = ""; }, 3000);
  };
  const unit = (count, name) => new Intl.NumberFormat(root.lang, { style: "unit", unit: name, unitDisplay: "long" }).format(count);
  const span = (seconds) => {
    if (seconds < 3600) return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    const days = Math.floor(seconds / 86400), hours = Math.floor(seconds / 3600) % 24, minutes = Math.floor(seconds / 60) % 60;
    const parts = days ? [[days, "day"], [hours, "hour"]] : [[hours, "hour"], [minutes, "minute"]];
    return parts.filter(([count]) => count).map(([count, name]) => unit(count, name)).join(" ");
  };

  /* Loads the page again and replaces its main part. */
  const redraw = async () => {
    if (redrawing) return;
    redrawing = true;
    lastRedraw = Date.now();
    try {
      const answer = await fetch(location.href, { redirect: "manual", cache: "no-store" });
      if (answer.type === "opaqueredirect") return location.reload();
      if (!answer.ok) return;
      const html = await answer.text();
      /* Without its head: the nonce of the new style is not allowed by the policy of this page. */
      const part = (tag) => html.slice(html.indexOf(`<${tag}`), html.indexOf(`</${tag}>`));
      const fresh = new DOMParser().parseFromString(`${part("title")}</title>${part("main")}</main>`, "text/html");
      const main = fresh.getElementById("page");
      const hasFocus = page.contains(d.activeElement), before = find("h1").textContent;
      main.classList.add("redrawn");
      page.replaceWith(main);
      d.title = fresh.title;
      const heading = find("h1");
      if (hasFocus) heading.focus();
      scrollTo({ top: 0 });
      /* A heading that takes the focus is read out anyway, and an unchanged one is not announced. */
      if (!hasFocus) announce(heading.textContent === before ? find(".note")?.textContent ?? "" : heading.textContent);
      start();
    } catch { /* No connection: the next event or poll loads it. */ } finally {
      redrawing = false;
    }
  };
  const compare = (version) => { if (version && version !== page.dataset.version) redraw(); };

  const poll = async () => {
    try {
      const answer = await fetch(page.dataset.status, { cache: "no-store" });
      if (answer.ok) compare((await answer.json()).version);
    } catch { /* The next poll tries again. */ }
  };
  const listen = () => {
    if (stream) stream.close();
    clearInterval(polling);
    stream = polling = null;
    if (!page.dataset.events) return;
    const fallBack = () => { if (!polling) { poll(); polling = setInterval(poll, 3000); } };
    if (!window.EventSource) return fallBack();
    stream = new EventSource(page.dataset.events);
    stream.onmessage = (event) => {
      clearInterval(polling);
      polling = null;
      compare(event.data);
    };
    stream.onerror = fallBack;
  };

  const tick = () => {
    const left = find("[data-ends]"), back = find("[data-return]:not([hidden]) [data-left]");
    if (left) {
      const seconds = Math.max(0, Math.ceil((endsAt - Date.now()) / 1000)), text = span(seconds);
      left.textContent = text;
      if (seconds <= 60 && !left.classList.contains("soon")) {
        left.classList.add("soon");
        if (left.dataset.last) announce(left.dataset.last);
      }
      if (!seconds && Date.now() - lastRedraw > 5000) redraw();
    }
    if (back) {
      const seconds = Math.max(0, Math.ceil((returning - Date.now()) / 1000));
      back.textContent = unit(seconds, "second");
      if (!seconds) {
        find("[data-return]").hidden = true;
        location.assign(find("#back").href);
      }
    }
  };
  const start = () => {
    page = find("#page");
    const left = find("[data-ends]"), back = find("[data-return]");
    if (left) endsAt = Date.now() + left.dataset.ends * 1000;
    if (back) {
      returning = Date.now() + back.dataset.return * 1000;
      back.hidden = false;
    }
    listen();
    tick();
  };

  const copy = async (button) => {
    const text = button.dataset.copy, label = button.lastElementChild, before = label.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const field = Object.assign(d.createElement("textarea"), { value: text });
      d.body.append(field);
      field.select();
      d.execCommand("copy");
      field.remove();
      button.focus();
    }
    announce(button.dataset.done);
    if (button.classList.contains("copied")) return;
    button.classList.add("copied");
    label.textContent = `✓ ${button.dataset.done}`;
    setTimeout(() => {
      button.classList.remove("copied");
      label.textContent = before;
    }, 2000);
  };

  /* A card is looked at before it is sent, so that what was typed need not be typed again. A reason is the name of its text. */
  const luhn = (digits) => [...digits].reverse().reduce((sum, digit, at) => sum + (at % 2 ? (digit * 2) % 9 || +digit : +digit), 0) % 10 === 0;
  const faults = {
    number: (typed) => (/^\d{12,19}$/.test(typed.replace(/[\s-]/g, "")) && luhn(typed.replace(/[\s-]/g, "")) ? "" : "digits"),
    expiry: (typed, month) => {
      const [, mm, yy] = typed.match(/^(\d{1,2})\s*[/.-]?\s*(\d{4}|\d{2})$/) ?? [];
      if (!(mm >= 1 && mm <= 12)) return "expiry";
      return `${yy.length === 2 ? 20 : ""}${yy}-${mm.padStart(2, "0")}` < month ? "over" : "";
    },
    cvc: (typed) => (/^\d{3,4}$/.test(typed) ? "" : "cvc"),
    name: (typed) => (/\d/.test(typed) ? "name" : ""),
  };
  const isRight = (form) => {
    let first = null;
    for (const input of form.querySelectorAll(".field input")) {
      const typed = input.value.trim(), reason = typed ? faults[input.name](typed, form.dataset.card) : `${input.name}-empty`;
      d.getElementById(`${input.name}-wrong`).textContent = reason && form.getAttribute(`data-${reason}`);
      input.toggleAttribute("aria-invalid", Boolean(reason));
      if (reason) input.setAttribute("aria-invalid", "true");
      first ??= reason ? input : null;
    }
    if (first) {
      first.focus();
      announce(form.dataset.marked);
    }
    return !first;
  };
  d.addEventListener("input", (event) => {
    const input = event.target;
    if (!input.matches("[data-card] input") || input.selectionStart !== input.value.length) return;
    if (input.name === "number") input.value = input.value.replace(/\D/g, "").replace(/(\d{4})(?=\d)/g, "$1 ");
    if (input.name === "expiry" && event.inputType === "insertText") input.value = input.value.replace(/^(\d\d)$/, "$1/");
  });

  d.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    if (event.target.closest("[data-stay]")) find("[data-return]").hidden = true;
  });
  d.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent || (form.dataset.card && !isRight(form))) return event.preventDefault();
    form.dataset.sent = "1";
    if (event.submitter) event.submitter.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  addEventListener("visibilitychange", () => { if (!d.hidden && page.dataset.status) poll(); });
  setInterval(tick, 1000);
  start();
})();
