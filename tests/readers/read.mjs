// Reads JSON texts with JSON.parse, and says what became of each. Takes one array of texts as its argument, and prints one array.

function said(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return "refused";
  }
  if (typeof value === "number") {
    return Number.isFinite(value) && BigInt(value) === BigInt(text) ? "kept" : String(value);
  }
  // In such an expression a surrogate is one that stands alone.
  return typeof value === "string" && /\p{Surrogate}/u.test(value) ? "changed when it is written" : "kept";
}

console.log(JSON.stringify(JSON.parse(process.argv[2]).map(said)));
