const survey = JSON.parse(document.getElementById("survey").textContent);
const part = (id) => document.getElementById(id);
const answers = new Map(); /* question to what was chosen in it, numbers from 1 */
let participant = "";
let questions = [];
let current = 0;
let saved = true;

const TASKS = {
  preference: "Choose the three explanations that are the most intuitive and the clearest, and their order.",
  meaning: "Choose the class that you think the picture shows an explanation of.",
};
const COLUMNS = { preference: survey.ranks, meaning: ["choice"] };

function made(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function picture(source, alt) {
  const image = made("img", { src: source, alt });
  image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth <= 96));
  return image;
}

function references(question, order) {
  const shown = order.map((number) => question.classes[number]).filter((one) => one.references.length);
  const blocks = shown.map(({ name, references }) =>
    made("div", {}, made("h3", { textContent: `${name}: examples` }),
      made("div", { className: "strip" },
        ...references.map((source, place) => picture(source, `${name}, example ${place + 1}`)))));
  return made("div", { className: "references" }, ...blocks);
}

function radio(name, value, text, chosen, change) {
  const input = made("input", { type: "radio", name, value, checked: chosen });
  input.addEventListener("change", change);
  return made("label", { className: "option" }, input, ` ${text}`);
}

/* Three ranks below each explanation. That they are of three explanations is asked for when all are chosen:
   who goes through a rank by the keyboard passes explanations that have another one. */
function preference(question) {
  const chosen = answers.get(question.id) ?? {};
  const same = question.classes.map((_, number) => number);
  const cards = ordered(question.explanations.length, `${question.id} ${participant}`).map((code, place) => {
    const figures = question.explanations[code].map((pictures, number) => {
      const { name } = question.classes[number];
      const images = pictures.map((source) => picture(source, `explanation ${place + 1} of ${name}`));
      return made("figure", {}, ...images, made("figcaption", { textContent: name }));
    });
    const ranks = survey.ranks.map((rank) =>
      radio(rank, code + 1, rank, chosen[rank] === code + 1, () => choose(question, rank, code + 1)));
    const card = made("fieldset", {}, made("legend", { textContent: `Explanation ${place + 1}` }),
      made("div", { className: "classes" }, ...figures), made("div", { className: "ranks" }, ...ranks));
    card.dataset.code = code + 1;
    return card;
  });
  const explained = made("figure", { className: "explained" }, picture(question.picture, "the image that is explained"),
    made("figcaption", { textContent: "The image that is explained" }));
  part("content").replaceChildren(explained, references(question, same),
    made("div", { className: "cards" }, ...cards));
  marked(chosen);
}

function choose(question, rank, code) {
  const chosen = { ...answers.get(question.id), [rank]: code };
  keep(question, chosen);
  marked(chosen);
}

function marked(chosen) {
  const codes = Object.values(chosen).map(String);
  for (const card of document.querySelectorAll(".cards fieldset"))
    card.classList.toggle("chosen", codes.includes(card.dataset.code));
}

function meaning(question) {
  const chosen = answers.get(question.id) ?? {};
  const order = ordered(question.classes.length, `${question.id} ${participant}`);
  const options = order.map((number) =>
    radio("choice", number + 1, question.classes[number].name, chosen.choice === number + 1,
      () => keep(question, { choice: number + 1 })));
  part("content").replaceChildren(
    made("figure", { className: "explained" }, picture(question.picture, "the explanation")),
    made("fieldset", {}, made("legend", { textContent: "The class is" }), ...options),
    references(question, order));
}

function keep(question, chosen) {
  answers.set(question.id, chosen);
  saved = false;
  part("missing").textContent = "";
}

/* What still has to be done in a question; "" where it is answered. */
function missing(question) {
  const chosen = answers.get(question.id) ?? {};
  const open = COLUMNS[survey.kind].filter((column) => !(column in chosen));
  if (open.length) return survey.kind === "meaning" ? "Please choose a class." : `Please choose: ${open.join(", ")}.`;
  const different = new Set(Object.values(chosen)).size === COLUMNS[survey.kind].length;
  return different ? "" : "Please choose three different explanations.";
}

function show(number) {
  current = number;
  const over = number === questions.length;
  part("asked").hidden = over;
  part("end").hidden = !over;
  if (over) return part("done").focus();
  const question = questions[number];
  part("number").textContent = `Question ${number + 1} of ${questions.length}`;
  part("task").textContent = TASKS[survey.kind];
  part("missing").textContent = "";
  part("back").disabled = number === 0;
  ({ preference, meaning })[survey.kind](question);
  window.scrollTo(0, 0);
  part("number").focus();
}

function table() {
  const columns = COLUMNS[survey.kind];
  const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;
  const lines = survey.questions.map(({ id }) =>
    [survey.key, participant, id, ...columns.map((column) => answers.get(id)[column])].map(quoted).join(","));
  return [["survey", "participant", "question", ...columns].join(","), ...lines].join("\r\n") + "\r\n";
}

part("start").addEventListener("submit", (event) => {
  event.preventDefault();
  participant = part("participant").value;
  questions = ordered(survey.questions.length, participant).map((number) => survey.questions[number]);
  part("start").hidden = true;
  show(0);
});
part("back").addEventListener("click", () => show(current - 1));
part("next").addEventListener("click", () => {
  const text = missing(questions[current]);
  if (!text) return show(current + 1);
  part("missing").textContent = text;
});
part("again").addEventListener("click", () => show(questions.length - 1));
part("save").addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
  made("a", { href: address, download: `answers-${participant}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  saved = true;
});
window.addEventListener("beforeunload", (event) => {
  if (!saved) event.preventDefault();
});
