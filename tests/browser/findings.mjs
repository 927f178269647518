// What is wrong, collected so that one run tells everything.

export const findings = [];
let checks = 0;
let place = '';

/** Runs checks of one place; an error that ends them early is a finding, not the end of the run. */
export async function within(name, body) {
  place = name;
  try {
    await body();
  } catch (error) {
    fail(String(error.message ?? error).split('\n').slice(0, 3).join(' '));
  }
}

export function fail(message) {
  findings.push(`${place}: ${message}`);
}

export function check(correct, message) {
  checks += 1;
  if (!correct) fail(message);
}

export function equal(what, shown, expected) {
  check(shown === expected, `${what}: the page shows ${JSON.stringify(shown)}, expected ${JSON.stringify(expected)}`);
}

/** Compares two maps from a name to an object of numbers; only the fields that `expected` has. */
export function equalRows(what, shown, expected) {
  for (const [key, fields] of expected) {
    const row = shown.get(key);
    if (!row) {
      check(false, `${what} ${key} is missing`);
      continue;
    }
    for (const [field, value] of Object.entries(fields)) equal(`${what} ${key}, ${field}`, row[field], value);
  }
  for (const key of shown.keys()) check(expected.has(key), `${what} ${key} is shown but was not expected`);
}

export function report() {
  for (const finding of findings) console.error(`FAIL ${finding}`);
  console.log(`${checks} checks, ${findings.length} failed`);
}
