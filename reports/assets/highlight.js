// Colours for code: one pass over comments, strings, numbers and words. It need not be a parser.
const WORDS = new Set(("and as assert async await begin bool boolean break case catch char class const " +
  "continue def default defer del delete do double elif else elsif end ensure enum except export " +
  "extends False false final finally float fn for foreach from fun func function global go goto if " +
  "implements import in include instanceof int interface is lambda let local long match module my new " +
  "next nil None not null object or our override package pass private protected public raise range " +
  "require rescue return self static string String struct sub super switch then this throw throws trait " +
  "True true try type typeof undef unless until use using val var virtual void when where while with yield").split(" "));
const HASH = new Set(["python", "ruby", "perl", "php"]);
const TEXT = `("""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\\\.|[^"\\\\\\n])*"?|'(?:\\\\.|[^'\\\\\\n])*'?|\`(?:\\\\.|[^\`\\\\])*\`?)`;
const NUMBER = "(\\b\\d[\\w.]*)";
const WORD = "([A-Za-z_]\\w*)";
const SLASHES = "//[^\\n]*|/\\*[^]*?(?:\\*/|$)";
function pattern(language) {
  const comment = HASH.has(language) ? (language === "php" ? SLASHES + "|#[^\\n]*" : "#[^\\n]*") : SLASHES;
  return new RegExp("(" + comment + ")|" + TEXT + "|" + NUMBER + "|" + WORD, "g");
}
// Puts the code into an element, as text nodes and spans: nothing of it becomes markup.
function highlight(element, code, language) {
  let at = 0;
  for (const found of code.matchAll(pattern(language))) {
    const kind = found[1] ? "c" : found[2] ? "s" : found[3] ? "n" : WORDS.has(found[4]) ? "k" : "";
    if (!kind) continue;
    element.append(code.slice(at, found.index));
    const span = document.createElement("span");
    span.className = "hl-" + kind;
    span.textContent = found[0];
    element.append(span);
    at = found.index + found[0].length;
  }
  element.append(code.slice(at));
}
