// Reads the store with @clickhouse/client, and tries what a reader must not do.
//
// usage: read.mjs URL USER PASSWORD_FILE DATABASE QUERY...
// prints JSON: for each query its first value, or {"refused": the name of the error}
import { readFileSync } from "node:fs";
import { createClient } from "@clickhouse/client";

const [url, username, passwordFile, database, ...queries] = process.argv.slice(2);
const password = readFileSync(passwordFile, "utf8").trim();
const client = createClient({ url, username, password, database });
const answers = [];
for (const query of queries) {
  try {
    if (query.startsWith("SELECT")) {
      const rows = await (await client.query({ query, format: "JSONCompactEachRow" })).json();
      const [first] = rows[0];
      answers.push(typeof first === "string" && /^\d+$/.test(first) ? Number(first) : first);
    } else {
      await client.command({ query });
      answers.push("done");
    }
  } catch (error) {
    answers.push({ refused: error.type ?? String(error) });
  }
}
await client.close();
console.log(JSON.stringify(answers));
